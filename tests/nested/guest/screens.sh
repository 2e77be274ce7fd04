# shellcheck shell=sh disable=SC2154
# Says what the kernel knows of each screen, at first and whenever it changes:
#   guest: CONNECTOR STATUS [FIRST-MODE]
# Sourced by init.
watch_screens() {
    known=''
    while :; do
        now=''
        for connector in /sys/class/drm/card*-Virtual-*; do
            # The console's own probe leaves out modes that are larger than its picture; this one does not.
            echo detect > "$connector/status"
            read -r status < "$connector/status"
            mode=''
            [ "$status" = disconnected ] || read -r mode < "$connector/modes"
            line="${connector##*/card?-} $status $mode"
            now="$now|$line"
            case "$known|" in *"|$line|"*) ;; *) say "$line" ;; esac
        done
        known=$now
        sleep 1
    done
}
watch_screens &
