"""The ordinary kinds of mail. A kind takes a Context and gives (extra fields, part).

Every message holds its UUID once at least as plain ASCII after the header: as a line of the text,
or in the boundary of a multipart.
"""

from dataclasses import dataclass, field
from random import Random

from . import mime, text


@dataclass
class Context:
    rng: Random
    uuid: str
    sender: tuple
    subject: str
    reply_to_name: str | None = None
    size: int | None = None     # of the attachment, where one is asked for
    fields: list = field(default_factory=list)

    def lines(self, count=None):
        quote = text.quoted(self.rng, self.reply_to_name) if self.reply_to_name else []
        return quote + text.letter(self.rng, self.sender[0], count) + ["", f"Ref: {self.uuid}"]

    def boundary(self, level=0):
        return f"=_{level}_{self.uuid}"


def plain(c):
    transfer = c.rng.choice(["8bit", "8bit", "quoted-printable"])
    return [], mime.text_part(c.lines(), "utf-8", transfer)


def flowed(c):
    lines = []
    for paragraph in text.paragraphs(c.rng, 4):
        wrapped = text.wrap(paragraph)
        lines += [line + " " for line in wrapped[:-1]] + [wrapped[-1], ""]
    return [], mime.text_part(lines + [f"Ref: {c.uuid}"], "us-ascii", "7bit",
                              extra="; format=flowed; delsp=no")


def long_lines(c):
    lines = [" ".join(text.sentence(c.rng) for _ in range(400)), f"Ref: {c.uuid}"]
    return [], mime.text_part(lines, "utf-8", "8bit")


FOREIGN = [("de", "iso-8859-1", "8bit"), ("de", "windows-1252", "8bit"),
           ("fr", "iso-8859-15", "quoted-printable"), ("es", "iso-8859-1", "quoted-printable"),
           ("ru", "koi8-r", "8bit"), ("ru", "utf-8", "quoted-printable"), ("zh", "gb2312", "8bit"),
           ("ja", "iso-2022-jp", "7bit"), ("ja", "shift_jis", "8bit"), ("ja", "utf-8", "8bit")]


def foreign(c, languages=None):
    language, charset, transfer = c.rng.choice(
        [f for f in FOREIGN if languages is None or f[0] in languages])
    words = text.FOREIGN[language]
    lines = [words] * c.rng.randint(2, 12) + ["", f"Ref: {c.uuid}"]
    subject = words[:c.rng.randint(10, 60)].strip()
    encoding = c.rng.choice("BQ")
    chunk = c.rng.choice([25, 31, 36])
    return [("Subject", mime.encoded_words(subject, charset, encoding, chunk))], \
        mime.text_part(lines, charset, transfer)


def japanese(c):
    return foreign(c, ("ja", "zh"))


def html(lines):
    return ["<html><body style=\"font-family: sans-serif\">"] + [f"<p>{line}</p>" for line in lines] + \
        ["</body></html>"]


def alternative(c, level=0):
    lines = c.lines()
    return [], mime.multipart("alternative", c.boundary(level), [
        mime.text_part(lines, "utf-8", "quoted-printable"),
        mime.text_part(html(lines), "utf-8", "quoted-printable", "html")])


def with_attachment(c):
    name, kind = c.rng.choice([
        ("quarterly-report.pdf", "application/pdf"), ("holiday.jpg", "image/jpeg"),
        ("figures.xlsx", "application/vnd.ms-excel"), ("sources.tar.gz", "application/gzip")])
    size = c.size or int(c.rng.lognormvariate(11.5, 0.9))
    return [], mime.multipart("mixed", c.boundary(), [
        mime.text_part(c.lines(2)), mime.attachment(name, kind, c.rng.randbytes(size))],
        preamble=b"This is a multi-part message in MIME format.\r\n")


def nested(c):
    """mixed > related > alternative, an inline image, and a forwarded message."""
    image = mime.attachment("logo.png", "image/png", c.rng.randbytes(9000), "inline",
                            [("Content-ID", f"<logo.{c.uuid}>")])
    related = mime.multipart("related", c.boundary(1), [alternative(c, 2)[1], image])
    forwarded = mime.message([("From", mime.address(text.PEOPLE[0])), ("Subject", "Fwd inside")],
                             mime.text_part(text.letter(c.rng, "Alice")))
    return [], mime.multipart("mixed", c.boundary(), [
        related, ([("Content-Type", "message/rfc822")], forwarded)])


def signed(c):
    signature = ["-----BEGIN PGP SIGNATURE-----", ""] + mime.base64_lines(
        c.rng.randbytes(420)).decode().split("\r\n")[:-1] + ["-----END PGP SIGNATURE-----"]
    return [], mime.multipart("signed", c.boundary(), [
        mime.text_part(c.lines(), "utf-8", "quoted-printable"),
        ([("Content-Type", 'application/pgp-signature; name="signature.asc"')],
         mime.crlf(signature))],
        parameters='; micalg=pgp-sha256; protocol="application/pgp-signature"')


def patch(c):
    return [("X-Mailer", "git-send-email 2.39.2")], \
        mime.text_part(text.patch(c.rng) + [f"Ref: {c.uuid}"], "utf-8", "8bit")


def newsletter(c):
    lines = text.paragraphs(c.rng, c.rng.randint(10, 60))
    rows = [f'<tr><td width="600" style="padding: 12px; color: #333333">{line} <a href='
            f'"https://news.example.com/c/{c.uuid}/{i}">More</a></td></tr>'
            for i, line in enumerate(lines)]
    return [("List-Unsubscribe", f"<https://news.example.com/u/{c.uuid}>"), ("Precedence", "bulk")], \
        mime.multipart("alternative", c.boundary(), [
            mime.text_part(lines, "utf-8", "quoted-printable"),
            mime.text_part(["<html><body><table>", *rows, "</table></body></html>"], "utf-8",
                           c.rng.choice(["quoted-printable", "base64", "8bit"]), "html")])


def spam(c):
    lines = [c.rng.choice(["CLICK HERE", "ACT NOW", "100% FREE"]) + " http://spam.example/" +
             c.uuid] * c.rng.randint(2, 9) + text.paragraphs(c.rng, 2) + [f"Ref: {c.uuid}"]
    return [("X-Spam-Flag", "YES"), ("X-Spam-Score", f"{c.rng.uniform(5, 30):.1f}"),
            ("X-Priority", "1 (Highest)")], \
        mime.text_part(lines, "windows-1252", "8bit", c.rng.choice(["plain", "html"]))


def invite(c):
    calendar = ["BEGIN:VCALENDAR", "PRODID:-//Example//Calendar//EN", "VERSION:2.0",
                "METHOD:REQUEST", "BEGIN:VEVENT", f"UID:{c.uuid}", "DTSTART:20240311T090000Z",
                "DTEND:20240311T100000Z", f"SUMMARY:{c.subject}", "LOCATION:Room 4",
                "END:VEVENT", "END:VCALENDAR"]
    return [], mime.multipart("mixed", c.boundary(), [
        mime.text_part(c.lines(1)),
        mime.text_part(calendar, "utf-8", "7bit", "calendar", "; method=REQUEST")])


def invoice(c):
    number = c.rng.randint(10000, 99999)
    lines = [f"Invoice no. {number}", f"Amount due: EUR {c.rng.randint(5, 4000)}.00", "",
             "Please pay within 14 days.", f"Ref: {c.uuid}"]
    return [("Subject", f"Invoice {number}: {c.subject}")], mime.multipart("mixed", c.boundary(), [
        mime.text_part(lines),
        mime.attachment(f"invoice-{number}.pdf", "application/pdf",
                        b"%PDF-1.4\n" + c.rng.randbytes(c.rng.randint(8000, 90000)))])


def boarding_pass(c):
    flight = f"EX{c.rng.randint(100, 999)}"
    lines = [f"Your boarding pass for flight {flight}", f"Seat {c.rng.randint(1, 40)}C, gate 12",
             f"Ref: {c.uuid}"]
    return [("Subject", f"Your boarding pass {flight}")], mime.multipart("mixed", c.boundary(), [
        mime.text_part(lines, "utf-8", "quoted-printable"),
        mime.attachment(f"boarding-pass-{flight}.pkpass", "application/vnd.apple.pkpass",
                        c.rng.randbytes(24000))])


def bounce(c):
    status = ["Reporting-MTA: dns; mx.example.net", "", "Final-Recipient: rfc822; gone@example.org",
              "Action: failed", "Status: 5.1.1"]
    return [("Auto-Submitted", "auto-replied"), ("Subject", "Undelivered Mail Returned to Sender")], \
        mime.multipart("report", c.boundary(), [
            mime.text_part(["The message could not be delivered.", f"Ref: {c.uuid}"]),
            ([("Content-Type", "message/delivery-status")], mime.crlf(status))],
            parameters="; report-type=delivery-status")
