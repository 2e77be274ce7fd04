# shellcheck shell=bash disable=SC2154
# What a guest needs to play and record a sound. Sourced.

# has_sound_driver KERNEL-DIR: whether the kernel came with virtio-snd
has_sound_driver() { compgen -G "$1/lib/modules/*/kernel/sound/virtio/virtio_snd.ko*" > /dev/null; }

# tone: three seconds of 440 Hz, 48000 times a second two samples of 16 bits
tone() {
    perl -e 'binmode STDOUT; print pack "s<2", (8000 * sin(6.283185307179586 * 440 * $_ / 48000)) x 2 for 0 .. 143999'
}

# sound_programs DIR: aplay and arecord with all that they need, and the tone,
# to be put at the root of a guest
sound_programs() {
    need aplay perl
    add_program "$1" "$(command -v aplay)"
    ln -s aplay "$1/bin/arecord"
    cp -r "$1/host/." "$1/" && rm -r "$1/host"
    mkdir -p "$1/usr/share/alsa"
    cp -r /usr/share/alsa/{alsa.conf,cards,pcm} "$1/usr/share/alsa/"
    tone > "$1/tone.raw"
}
