"""Messages as bytes with CRLF line ends. Written by hand: the email package refuses broken mail."""

import base64
import quopri


def crlf(lines, charset="utf-8"):
    return "".join(line + "\r\n" for line in lines).encode(charset, "replace")


def encoded_words(text, charset="utf-8", encoding="B", chunk=36):
    """RFC 2047. A chunk counts bytes, so that words may be split inside a character, as some
    mail programs do."""
    raw = text.encode(charset, "replace")
    words = []
    for start in range(0, len(raw), chunk):
        piece = raw[start:start + chunk]
        if encoding == "B":
            coded = base64.b64encode(piece).decode()
        else:
            coded = "".join("_" if b == 32 else chr(b) if chr(b).isalnum() and b < 128 else
                            f"={b:02X}" for b in piece)
        words.append(f"=?{charset}?{encoding}?{coded}?=")
    return "\r\n ".join(words)


def header_text(text, charset="utf-8", encoding="B"):
    return text if text.isascii() else encoded_words(text, charset, encoding, 45)


def address(person):
    name, mail = person
    if not name.isascii():
        return f"{encoded_words(name, chunk=39)} <{mail}>"
    return f'"{name}" <{mail}>' if "'" in name else f"{name} <{mail}>"


def headers(fields):
    """Fields are (name, value); a value is text, or bytes to be put there as they are."""
    return b"".join(name.encode() + b": " +
                    (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
                    for name, value in fields)


def base64_lines(data):
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def text_part(lines, charset="utf-8", transfer="8bit", subtype="plain", extra=""):
    """(fields, body) of a text part."""
    body = crlf(lines, charset)
    if transfer == "quoted-printable":
        body = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif transfer == "base64":
        body = base64_lines(body)
    return [("Content-Type", f"text/{subtype}; charset={charset}{extra}"),
            ("Content-Transfer-Encoding", transfer)], body


def attachment(name, content_type, data, disposition="attachment", extra=()):
    return [("Content-Type", f'{content_type}; name="{name}"'),
            ("Content-Disposition", f'{disposition}; filename="{name}"'),
            ("Content-Transfer-Encoding", "base64"), *extra], base64_lines(data)


def multipart(subtype, boundary, parts, parameters="", preamble=b""):
    """(fields, body) of a multipart; parts are (fields, body) as well."""
    pieces = [preamble]
    for fields, body in parts:
        pieces += [b"--", boundary.encode(), b"\r\n", headers(fields), b"\r\n", body, b"\r\n"]
    pieces += [b"--", boundary.encode(), b"--\r\n"]
    return [("Content-Type", f'multipart/{subtype}; boundary="{boundary}"{parameters}')], \
        b"".join(pieces)


def message(fields, part):
    part_fields, body = part
    return headers([*fields, ("MIME-Version", "1.0"), *part_fields]) + b"\r\n" + body
