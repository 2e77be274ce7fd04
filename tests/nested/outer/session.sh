# shellcheck shell=sh disable=SC2034,SC2154
# A day's work in the desktop, from outside: what its packaged agents do, its disk
# and network. Sourced by desktop-test, for machines that can be told something.

# enter TEXT: typed a few letters at a time; what comes faster than a slow guest reads is lost
enter() {
    left=$1
    while [ "$left" ]; do
        rest=${left#??????}
        [ "$rest" != "$left" ] || rest=''
        machine_type "${left%"$rest"}"
        sleep 2
        left=$rest
    done
    machine_press KEY_ENTER
}
hash_of() { sha256sum "$1" | cut -d' ' -f1; }
connected() { [ "$(machine_tell describe | grep -cE '"(desktop|guest)": true')" = 2 ]; }
# shows WIDTH HEIGHT: whether the picture has that size and the wallpaper fills it
shows() {
    width=$1 height=$2
    machine_picture "$results/resized.ppm" && {
        read -r _
        read -r size
    } < "$results/resized.ppm" && [ "$size" = "$1 $2" ] && wallpaper resized
}
pasted_out() { machine_paste "$1" > "$results/pasted" && cmp "$results/pasted" "$2"; }
# copied_in TYPE FILE NAME: the guest waits for it
copied_in() {
    machine_copy "$1" "$2"
    wait_for 60 said "guest: pasted $3 $(hash_of "$2")"
    status=$?
    kill "$copying"
    return "$status"
}

what='both packaged agents find their ports' && check wait_for 120 connected
what='the agent tells which system it is' && check wait_for 60 answered facts "Debian GNU/Linux $debian"

machine_resize 1440x900
what='the desktop takes a size told from outside, and its wallpaper fills it' && check wait_for 120 shows 1440 900
what='by its agent' && check grep -q 'answered a layout.*true' "$results/vmm.log"

open_terminal
# sudo would take what is typed after it.
enter 'sudo mount /dev/vdb /mnt </dev/null; . /mnt/session.sh'
what='a command typed into the terminal runs' && check wait_for 120 said 'guest: the terminal listens'
said 'guest: the terminal listens' || return
enter facts
what="the session knows its system, its processors and its new size" && check wait_for 60 said 'guest: monitor 1440x900+0+0'
grep '^guest: Debian' "$results/serial.log"
machine_resize 1280x800
width=1280 height=800

enter pastes
sleep 5
what='a text copied outside is pasted in the session' && check copied_in text/plain /payload/tools/text text
what='so is a picture' && check copied_in image/png /payload/tools/picture.png picture
enter text
what='a text copied in the session is pasted outside' && check pasted_out text/plain /payload/tools/text
enter image
sleep 5
what='so is a picture' && check pasted_out image/png /payload/tools/picture.png

head -c 3000000 /dev/urandom > /tmp/sent.bin
what='a file is sent into the session' && check machine_send /tmp/sent.bin
enter files
what='it is there with its hash' && check wait_for 60 said "$(hash_of /tmp/sent.bin)"
grep '^guest: file' "$results/serial.log"

began=$(uptime_s)
enter get
what="$download MB by HTTP arrive with their hash" && check wait_for 300 said "guest: downloaded $(cat /tmp/www/data.sum)"
echo "download after $(($(uptime_s) - began)) s"
enter trim
what='the disk is written and trimmed' && check wait_for 120 said 'guest: disk trimmed'

frozen_for_a_while() { answered freeze '^[1-9]' && sleep 5 && answered thaw '^[1-9]'; }
what='its file systems are frozen and thawed by the agent' && check frozen_for_a_while
enter files
what='and it works on' && check wait_for 60 said "$(hash_of /tmp/sent.bin)" 2
