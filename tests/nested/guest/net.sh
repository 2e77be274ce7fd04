# shellcheck shell=sh disable=SC2034,SC2154
# The guest's network: an address by DHCP, the gateway's answer, a download with
# its hash, and the same once more when the host says so. Sourced by init; what it
# says is as init's.

# What udhcpc calls with what it was told.
cat > /tmp/lease << 'SCRIPT'
#!/bin/sh
case $1 in
    deconfig) ip link set "$interface" up ;;
    bound)
        ip addr add "$ip/$mask" dev "$interface"
        ip link set "$interface" mtu "${mtu:-1500}"
        ip route add default via "$router"
        echo "guest: network address $ip, gateway $router, mtu $mtu"
        echo "$router" > /tmp/router
        ;;
esac
SCRIPT
chmod +x /tmp/lease

# get FILE: what the web server has by that name. (wget of a static busybox asks
# for the port's number by name, which takes libraries that are not here.)
# Our side stays open until the answer is there: the passt of Debian 12 waits two
# seconds at every full window once it was closed.
cr=$(printf '\r')
get() {
    mkfifo "/tmp/ask.$1"
    nc -w 30 198.51.100.1 80 < "/tmp/ask.$1" | {
        read -r _ status _
        while read -r line && [ "$line" != "$cr" ]; do :; done
        [ "$status" = 200 ] && cat
    } &
    exec 3> "/tmp/ask.$1"
    printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&3
    wait $!
    set -- "$1" $?
    exec 3>&-
    rm "/tmp/ask.$1"
    return "$2"
}

# download FILE: its hash must be the one in FILE.sum
download() {
    read -r before _ < /proc/uptime
    hash=$(get "$1" | sha256sum)
    read -r after _ < /proc/uptime
    wanted=$(get "$1.sum")
    if [ "${hash%% *}" = "$wanted" ]; then
        say "network download of $1 is whole, $((${after%.*} - ${before%.*})) s"
    else
        fail "the download of $1 has the hash ${hash%% *} instead of $wanted"
    fi
}

if [ -e /sys/class/net/eth0 ]; then
    ip link set lo up
    ip link set eth0 up
    udhcpc -i eth0 -s /tmp/lease -n -q -t 8 -T 3 -O mtu 2> /dev/null || fail 'no address by DHCP'
    if read -r router < /tmp/router && ping -c 1 -W 20 "$router" > /dev/null; then
        say 'network gateway answers'
    else
        fail 'the gateway does not answer'
    fi
    download data
    say_when 'network tried'
    (
        until get again.sum > /dev/null; do sleep 5; done
        download again
    ) &
fi
