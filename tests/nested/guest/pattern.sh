# The picture that the test guest draws and the test expects. Sourced by the
# guest (busybox) and by the host. Starts few processes: each takes long where
# this runs.
#
# Four quadrants of four colours, under a grid of one-pixel lines every 64
# pixels. Width and height are multiples of 128.
# shellcheck shell=sh disable=SC2059,SC2086

# repeated N FILE: FILE, N times over
repeated() {
    files='' i=$1
    while [ "$i" -gt 0 ]; do
        files="$files $2"
        i=$((i - 1))
    done
    cat $files
}

# half CELLS-ACROSS CELLS-DOWN LEFT RIGHT GRID: the upper or the lower half, in
# cells of 64 x 64 pixels
half() {
    printf "$3" > one && { printf "$5" && repeated 63 one; } > left
    printf "$4" > one && { printf "$5" && repeated 63 one; } > right
    printf "$5" > one && repeated 64 one > edge
    repeated "$1" edge > line
    { repeated $(($1 / 2)) left && repeated $(($1 / 2)) right; } > row
    { cat line && repeated 63 row; } > band
    repeated "$2" band
}

# pattern WIDTH HEIGHT RED GREEN BLUE YELLOW WHITE: pixels as printf formats,
# in whatever order and number of bytes the picture wants them.
pattern() {
    half $(($1 / 64)) $(($2 / 128)) "$3" "$4" "$7"
    half $(($1 / 64)) $(($2 / 128)) "$5" "$6" "$7"
    rm -f one left right edge line row band
}
