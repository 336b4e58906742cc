#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Sources/ChatModels/People/Confusables.swift: which characters look like others (UTS #39), as ICU here knows them.

Needs libicu (Debian: libicu72 or another), which the product itself does not: its tables change with its version, and
what a database keeps of a name must not. So a new table wants a new step in ChatDatabase+Migrations.swift.

    python3 Tests/confusables.py >Sources/ChatModels/People/Confusables.swift
"""

import ctypes
import glob
import re
import textwrap
import unicodedata

HEAD = """\
// SPDX-License-Identifier: Apache-2.0

/// Which characters look like others, by UTS #39 as of Unicode {unicode}. Written by Tests/confusables.py; the data are
/// © Unicode, Inc. (https://www.unicode.org/license.txt).
enum Confusables {{
    /// `source=prototype`, as hexadecimal code points. Only what is left of a text in normal form KC, then D: those map
    /// the rest.
    static let table = \"\"\"
{table}
        \"\"\"
}}"""


class ICU:
    def __init__(self):
        library = sorted(glob.glob("/usr/lib/*/libicui18n.so.[0-9][0-9]"))[-1]
        version = re.search(r"\d+$", library)[0]
        functions = ctypes.CDLL(library)
        self._error = ctypes.c_int(0)
        opening = functions[f"uspoof_open_{version}"]
        opening.restype = ctypes.c_void_p
        self._checker = opening(ctypes.byref(self._error))
        self._skeleton = functions[f"uspoof_getSkeletonUTF8_{version}"]
        self._skeleton.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32,
            ctypes.c_void_p,
        ]
        common = ctypes.CDLL(library.replace("i18n", "uc"))
        parts = (ctypes.c_uint8 * 4)()
        common[f"u_getUnicodeVersion_{version}"](parts)
        self.unicode = f"{parts[0]}.{parts[1]}"

    def skeleton(self, text):
        data, room = text.encode(), ctypes.create_string_buffer(1024)
        length = self._skeleton(self._checker, 0, data, len(data), room, 1024, ctypes.byref(self._error))
        assert self._error.value <= 0, (text, self._error.value)
        return room.raw[:length].decode()


def entries(icu):
    for point in range(0x21, 0x110000):
        character = chr(point)
        # What no name may have, and what the normal forms take away.
        if unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"):
            continue
        if any(unicodedata.normalize(form, character) != character for form in ("NFKC", "NFD")):
            continue
        prototype = icu.skeleton(character)
        if prototype != character:
            yield f"{point:X}=" + ",".join(f"{ord(part):X}" for part in prototype)


if __name__ == "__main__":
    icu = ICU()
    table = textwrap.fill(" ".join(entries(icu)), 100, initial_indent=" " * 8, subsequent_indent=" " * 8)
    print(HEAD.format(unicode=icu.unicode, table=table))
