"""Mail that is broken or rare, each at least once in every sample. Complete messages as bytes."""

from email.utils import formatdate

from . import mime


def _fields(uuid, when, **changes):
    """Good fields, with some replaced; None leaves a field out."""
    fields = {"From": "Odd Sender <odd@example.org>", "To": "sam@example.net",
              "Subject": "Odd message", "Date": formatdate(when),
              "Message-ID": f"<{uuid}@odd.example>"}
    fields.update({name.replace("_", "-"): value for name, value in changes.items()})
    return [(name, value) for name, value in fields.items() if value is not None]


def _with(**changes):
    def build(uuid, when):
        body = f"This message is odd in its header only.\r\nRef: {uuid}\r\n".encode()
        return mime.headers(_fields(uuid, when, **changes)) + b"\r\n" + body
    return build


def _body(body, **changes):
    def build(uuid, when):
        return mime.headers(_fields(uuid, when, **changes)) + b"\r\n" + body + \
            f"\r\nRef: {uuid}\r\n".encode()
    return build


def headers_only(uuid, when):
    return mime.headers(_fields(uuid, when, Subject="Header only", X_Ref=uuid))


def headers_without_end(uuid, when):
    return headers_only(uuid, when)[:-2]


def no_header(uuid, when):
    return f"\r\nThere is no header at all here.\r\nRef: {uuid}\r\n".encode()


def no_header_no_blank(uuid, when):
    return f"just some text that a program dropped here\r\nand more of it\r\nRef: {uuid}\r\n".encode()


def garbage(uuid, when):
    noise = bytes(b for b in range(1, 256) if b not in (10, 13))
    return noise + b"\r\n: no name\r\nNo-Colon\r\n" + noise * 20 + f"\r\nRef: {uuid}\r\n".encode()


def duplicates(uuid, when):
    twice = [("Subject", "First subject"), ("From", "First <first@example.org>"),
             ("Date", formatdate(when - 86400)), ("Message-ID", "<same@odd.example>"),
             ("Subject", "Second subject"), ("From", "Second <second@example.org>"),
             ("Date", formatdate(when)), ("Message-ID", f"<{uuid}@odd.example>")]
    return mime.headers(twice) + f"\r\nEvery field is there twice.\r\nRef: {uuid}\r\n".encode()


def no_final_newline(uuid, when):
    return _with(Subject="No newline at the end")(uuid, when)[:-2]


def deep(uuid, when):
    part = mime.text_part([f"Ref: {uuid}"])
    for level in range(30):
        part = mime.multipart("mixed", f"=_{level}_{uuid}", [part])
    return mime.message(_fields(uuid, when, Subject="Thirty levels deep"), part)


def unclosed_multipart(uuid, when):
    return mime.headers(_fields(uuid, when, Subject="Boundary that never comes", Content_Type=
                                f'multipart/mixed; boundary="=_{uuid}"')) + \
        f"\r\n--=_{uuid}\r\nContent-Type: text/plain\r\n\r\ncut off her".encode()


_ACCENT = "Grüße aus Köln: die Rechnung für März"

ODDITIES = [
    headers_only, headers_without_end, no_header, no_header_no_blank, garbage, duplicates,
    no_final_newline, deep, unclosed_multipart,
    _with(Subject=None), _with(Subject=""), _with(From=None), _with(From=""), _with(Date=None),
    _with(Message_ID=None), _with(Subject=None, From=None, Date=None, Message_ID=None, To=None),
    _with(Date="Thu, 31 Feb 2031 99:99:99 +9999"), _with(Date="yesterday"),
    _with(Date="Mon, 01 Jan 1601 00:00:00 +0000"), _with(Date="Fri, 13 Jan 2099 12:00:00 -0800"),
    _with(Subject="A very long subject " + "that goes on and on " * 120),
    _with(Subject="Folded\r\n  over\r\n\tthree lines"),
    _with(Subject="../../etc/passwd"), _with(Subject="-rf *"), _with(Subject="--help"),
    _with(Subject="."), _with(Subject="..."), _with(Subject="/"), _with(Subject="a/b\\c:d|e?f*g"),
    _with(Subject="$(reboot) `id` ; rm -rf ~ & echo 'x' \"y\" > z"),
    _with(Subject=b"Bell \x07, escape \x1b[31mred\x1b[0m, delete \x7f and vertical tab \x0b"),
    _with(Subject=mime.encoded_words("line\r\nInjected: yes\r\n\r\nbody\x00nul")),
    _with(Subject=mime.encoded_words("تقرير ربع سنوي مع العدد 42")),
    _with(Subject=mime.encoded_words("invoice\u202Efdp.exe \u2066isolated\u2069 \u200Binvisible")),
    _with(Subject=mime.encoded_words("Party 🎉👩\u200d👩\u200d👧\u200d👦 🇪🇺 e\u0301 and é")),
    _with(Subject=mime.encoded_words("Split inside characters: 日本語の件名です、四半期報告書",
                                     chunk=10)),
    _with(Subject=mime.encoded_words(_ACCENT, "iso-8859-15", "Q", 20)),
    _with(Subject=mime.encoded_words("四半期報告書の件", "iso-2022-jp", "B", 17)),
    _with(Subject=mime.encoded_words("請求書をご確認ください", "shift_jis", "B", 7)),
    _with(Subject=mime.encoded_words("季度报告和发票", "gb2312", "B", 5)),
    _with(Subject=mime.encoded_words("Квартальный отчёт", "koi8-r", "Q", 9)),
    _with(Subject=_ACCENT.encode("windows-1252")), _with(Subject=_ACCENT.encode("utf-8")),
    _with(Subject="Квартальный отчёт".encode("koi8-r")),
    _with(Subject="=?utf-8?B?not!base64?= =?x-unknown?Q?=E4=F6?= =?utf-8?Q?=C3?= =?utf-8?Q?open"),
    _with(Subject="=?utf-8?B?=?= =?= =??Q??= =?utf-8?X?abc?="),
    _with(From="=?utf-8?Q?=22Quoted=2C_Name=22_=3Cfake=40example=2Eorg=3E?= <real@example.org>"),
    _with(From="\"O'Brien, \\\"Bob\\\" (Sales)\" <bob@example.org>, second@example.org"),
    _with(From="undisclosed-recipients:;"), _with(From="<>"), _with(From="no-address-at-all"),
    _with(From="@@@ <<a@b>> (((", Subject="From that can't be parsed"),
    _with(From="Name " * 300 + "<long@example.org>", Subject="Very long sender"),
    _with(From="Jürgen Groß <j@example.de>".encode("latin-1"), Subject="Raw 8 bit sender"),
    _with(From="Someone <" + "x" * 300 + "@example.org>", Subject="Very long address"),
    _with(Subject="Tab\tand  many   spaces   inside"), _with(Subject="A" * 255 + ".eml"),
    _with(Subject="message.4211.eml"), _with(Subject="CON"), _with(Subject="~"),
    _with(References=" ".join(f"<{n}.{'r' * 60}@odd.example>" for n in range(400)),
          Subject="Four hundred references"),
    _with(**{f"X_Padding_{n}": "p" * 900 for n in range(100)}, Subject="100 kB of header"),
    _body(b"8 bit without a declaration: \xe4\xf6\xfc \xff\xfe", Subject="Undeclared 8 bit"),
    _body(b"x" * 200000, Subject="One line of 200 kB"),
    _body(b".\r\n..\r\n.leading dot\r\nFrom mbox trap\r\n>From quoted", Subject="Dots and From"),
    _body(b"* 1 EXPUNGE\r\n)\r\na1 OK done\r\n{10}\r\n", Subject="IMAP look-alike body"),
    _body(b"\r\n" * 5000, Subject="Nothing but empty lines"),
    _body(b"", Subject="Almost empty"),
]
