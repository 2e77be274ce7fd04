# shellcheck shell=bash
# What is done in the desktop's terminal, a word for each, and what comes of it on
# the serial line as `guest: TEXT`. Sourced there, by the user.
PATH=$PATH:/mnt/bin
say() { echo "guest: $*" > /dev/ttyS0; }
sum() { sha256sum | cut -d' ' -f1; }
until_given() { until "$@" > /tmp/given && [ -s /tmp/given ]; do sleep 1; done; }

facts() {
    say "Debian $(. /etc/os-release && echo "$VERSION_ID"), Linux $(uname -r), $(nproc) processors"
    screens
}
screens() { xrandr --listactivemonitors | sed -n 's/^ *[0-9]*: [^ ]* \([0-9]*\)[^x]*x\([0-9]*\)[^+]*\([^ ]*\).*/guest: monitor \1x\2\3/p' > /dev/ttyS0; }
# What is to be pasted is given from outside meanwhile: first a text, then a picture.
pastes() {
    until_given xclip -o -selection clipboard -t UTF8_STRING
    say "pasted text $(sum < /tmp/given)"
    until_given xclip -o -selection clipboard -t image/png
    say "pasted picture $(sum < /tmp/given)"
}
text() { xclip -selection clipboard < /mnt/text; }
image() { xclip -selection clipboard -t image/png < /mnt/picture.png; }
files() { find ~ -name 'sent*' -type f | while read -r path; do say "file ${path#"$HOME"/} $(sum < "$path")"; done; }
get() {
    exec 3<> /dev/tcp/198.51.100.1/80
    printf 'GET /data HTTP/1.0\r\n\r\n' >&3
    while read -r line && [ "$line" != $'\r' ]; do :; done <&3
    say "downloaded $(sum <&3)"
    exec 3>&-
}
# Much is written and given back.
trim() {
    head -c 30M /dev/urandom > ~/much && sync && rm ~/much
    sudo fstrim / && say 'disk trimmed'
}
say 'the terminal listens'
