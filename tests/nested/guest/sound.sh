# The test guest's sound card. Sourced by the guest's init where there is one.
# shellcheck shell=sh disable=SC2154
if [ -e /proc/asound/card0 ] && read -r _ card < /proc/asound/cards; then
    say "sound card is $card"
else
    fail 'there is no sound card'
fi

# play_and_record: three seconds of a tone, then a second of what the microphone hears
play_and_record() {
    format='-q -D hw:0,0 -t raw -f S16_LE -r 48000 -c 2'
    # shellcheck disable=SC2086
    if aplay $format /tone.raw; then
        say 'tone played'
    else
        fail 'the tone could not be played'
    fi
    # shellcheck disable=SC2086
    arecord $format -d 1 /tmp/recorded || fail 'nothing could be recorded'
    say "recorded $(wc -c < /tmp/recorded) bytes"
}
