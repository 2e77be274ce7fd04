# shellcheck shell=sh
# A network for the machine between, so that passt has one to give: an uplink with
# a gateway that answers, and a web server elsewhere. Sourced by the payload's run.
server=198.51.100.1

network_up() {
    mkdir -p /etc /tmp/www
    echo 'root:x:0:0::/:/bin/sh' > /etc/passwd
    echo 'nobody:x:65534:65534::/:/bin/false' >> /etc/passwd
    ip link set dummy0 up
    ip addr add 192.0.2.2/24 dev dummy0
    ip route add default via 192.0.2.1
    # The gateway and the server are this machine too.
    ip addr add 192.0.2.1/32 dev lo
    ip addr add "$server/32" dev lo
    # passt pings with sockets that need no rights.
    echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range
    httpd -p "$server:80" -h /tmp/www
}

# publish FILE MEGABYTES: random bytes and their hash, which comes last, for guests to download
publish() {
    head -c "$(($2 * 1000000))" /dev/urandom > "/tmp/www/$1"
    sha256sum "/tmp/www/$1" | cut -d' ' -f1 > "/tmp/$1.sum"
    mv "/tmp/$1.sum" /tmp/www/
}
