#!/usr/bin/env python3
"""Writes src/input/layout-tables.ts: what each place on the keyboard types in each layout that a
person can choose, as libxkbcommon and Debian's xkb-data know it. Run it when layouts.ts changes:

    tools/layout-tables.py > src/input/layout-tables.ts
"""

import ctypes
import json
import re
import unicodedata
from pathlib import Path

XKB = ctypes.CDLL("libxkbcommon.so.0")
for name, result in {
    "xkb_context_new": ctypes.c_void_p,
    "xkb_keymap_new_from_names": ctypes.c_void_p,
    "xkb_keysym_to_utf32": ctypes.c_uint32,
}.items():
    getattr(XKB, name).restype = result


class Names(ctypes.Structure):
    _fields_ = [(field, ctypes.c_char_p) for field in ("rules", "model", "layout", "variant", "options")]


# KEY_* of the places, row by row, as layout-strokes.ts has them; XKB counts from 8.
PLACES = [41, *range(2, 14), *range(16, 28), *range(30, 41), 43, 86, *range(44, 54), 89, 124]
KEY_RIGHT_ALT = 100
LEVELS = 4

# Dead keys are written as the combining character that they add.
DEAD = {
    "grave": 0x300, "acute": 0x301, "circumflex": 0x302, "tilde": 0x303, "macron": 0x304, "breve": 0x306,
    "abovedot": 0x307, "diaeresis": 0x308, "abovering": 0x30A, "doubleacute": 0x30B, "caron": 0x30C,
    "cedilla": 0x327, "ogonek": 0x328, "belowdot": 0x323,
}


def symbols(keymap, code, level):
    found = ctypes.POINTER(ctypes.c_uint32)()
    count = XKB.xkb_keymap_key_get_syms_by_level(
        ctypes.c_void_p(keymap), ctypes.c_uint32(code + 8), 0, level, ctypes.byref(found)
    )
    return [found[at] for at in range(count)]


def symbol_name(symbol):
    name = ctypes.create_string_buffer(64)
    XKB.xkb_keysym_get_name(ctypes.c_uint32(symbol), name, ctypes.c_size_t(64))
    return name.value.decode()


def character(found):
    """What one key types at one level; a space stands for nothing."""
    if len(found) != 1:
        return " "
    name = symbol_name(found[0])
    if name.startswith("dead_"):
        return chr(DEAD.get(name.removeprefix("dead_"), 0x20))
    point = XKB.xkb_keysym_to_utf32(ctypes.c_uint32(found[0]))
    combines = 0x300 <= point < 0x370
    return chr(point) if 0x20 < point < 0x10000 and not combines else " "


def table(context, layout, variant):
    names = Names(b"evdev", b"pc105", layout.encode(), variant.encode(), None)
    keymap = XKB.xkb_keymap_new_from_names(ctypes.c_void_p(context), ctypes.byref(names), 0)
    if not keymap:
        return None
    third = symbols(keymap, KEY_RIGHT_ALT, 0)
    has_third = bool(third) and symbol_name(third[0]) == "ISO_Level3_Shift"
    rows = []
    for level in range(LEVELS if has_third else 2):
        rows.append("".join(character(symbols(keymap, code, level)) for code in PLACES).rstrip())
    while rows and not rows[-1]:
        rows.pop()
    return rows


def literal(rows):
    """The rows as TypeScript; what cannot be seen by itself is escaped."""
    quoted = json.dumps(rows, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c)[0] in "MCZ" and c != " " else c for c in quoted)


def main():
    source = (Path(__file__).parent / "../src/input/layouts.ts").read_text()
    context = XKB.xkb_context_new(0)
    print("/**")
    print(" * What the places of the keyboard type, row by row from the upper left: alone, with Shift, with AltGr,")
    print(" * with both. A space: nothing. A combining character: a dead key. Written by tools/layout-tables.py.")
    print(" */")
    print("export const LAYOUT_TABLES: Readonly<Record<string, readonly string[]>> = {")
    for layout, variants in re.findall(r"\{ layout: '(\w+)'.*?variants: (\{.*?\}|NO_DEAD_KEYS) \}", source):
        names = ["nodeadkeys"] if variants == "NO_DEAD_KEYS" else re.findall(r"'?([\w-]+)'?: '", variants)
        for variant in ["", *names]:
            rows = table(context, layout, variant)
            if rows:
                key = f"{layout}/{variant}".rstrip("/")
                print(f"  {json.dumps(key)}: {literal(rows)},")
    print("};")


main()
