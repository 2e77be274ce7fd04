# shellcheck shell=bash
# The desktop image that long tests share. Sourced.

# fetch_desktop_image SUITE DIR: builds the image where there is none, or one that is older than its recipe
fetch_desktop_image() {
    local recipe
    recipe=$(dirname "${BASH_SOURCE[0]}")/../deploy/images/debian-xfce
    if [[ ! -s $2/image.toml || $(find "$recipe" -newer "$2/image.toml" -print -quit) ]]; then
        echo "building the desktop image of $1"
        "$recipe/build.sh" --suite "$1" --out "$2"
    fi
}
