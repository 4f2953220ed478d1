"""Words, names and sentences that read like mail and that a search can find."""

PEOPLE = [
    ("Alice Example", "alice@example.org"),
    ("Bob Müller", "bob.mueller@example.de"),
    ("Carol O'Neil", "carol@oneil.example"),
    ("Dmitri Иванов", "dmitri@example.ru"),
    ("Émilie Dubois", "emilie.dubois@example.fr"),
    ("山田 太郎", "taro@example.jp"),
    ("王小明", "xiaoming@example.cn"),
    ("Grace Hopper-Smith", "grace@navy.example"),
    ("Henrik Ångström", "henrik@example.se"),
    ("Łukasz Żak", "lukasz@example.pl"),
    ("Build Robot", "builds@ci.example.com"),
    ("Marta García", "marta@example.es"),
]
ME = ("Sam Sample", "sam@example.net")

SUBJECTS = {
    "work": ["Quarterly report", "Minutes of Monday's meeting", "Budget for next year",
             "Offsite: who joins?", "Contract draft, second round", "Server migration plan",
             "Review of the release checklist", "On-call handover", "Customer feedback summary"],
    "private": ["Photos from the weekend", "Dinner on Friday?", "Happy birthday!", "Garden and keys",
                "School trip", "Grandma's recipe", "Bikes for sale", "Concert tickets"],
    "travel": ["Your boarding pass", "Booking confirmation", "Itinerary for Lisbon",
               "Hotel reservation changed", "Rail ticket and seat", "Car rental voucher"],
    "invoice": ["Invoice", "Payment reminder", "Receipt for your order", "Invoice and delivery note"],
    "list": ["Crash after upgrade", "How to configure TLS?", "Release candidate available",
             "Slow queries with large folders", "Documentation of quotas", "Feature idea: snooze",
             "Patch queue status", "Vote on the new bylaws"],
    "news": ["This week in storage", "Summer sale: up to 40% off", "Five recipes for autumn",
             "Release notes you should read", "The Sunday long read"],
    "spam": ["You have WON", "Cheap watches, today only", "Urgent business proposal",
             "Your account will be closed", "Lose weight fast!!!", "Re: your payment"],
}

OPENERS = ["I looked at", "We should talk about", "Please have a look at", "Nobody has answered",
           "Here is what we decided on", "The customer asked about", "I'm not happy with",
           "As discussed, I send you", "Before Thursday we need", "Could you check"]
THINGS = ["the quarterly report", "the invoice from March", "the boarding pass", "the contract",
          "the release plan", "the failing backup", "the new mail server", "the garden fence",
          "last week's numbers", "the hotel booking", "the patch series", "the meeting notes",
          "the budget spreadsheet", "the disk that died", "the train tickets", "your proposal"]
CLOSERS = ["before the weekend", "when you are back", "and tell me what you think",
           "because the deadline has moved", "so that legal can sign", "with the figures for 2024",
           "as soon as the tests pass", "without waiting for the others", "and forward it to Grace",
           "since the archive is almost full", "unless someone objects"]

FOREIGN = {
    "de": "Die Rechnung für März liegt bei. Bitte prüfen Sie die Beträge, grüße aus Köln. ",
    "fr": "Le rapport trimestriel est prêt. Merci de vérifier l'été dernier, à bientôt. ",
    "es": "Adjunto la factura de mañana. ¿Puedes revisar el informe del año pasado? ",
    "ru": "Квартальный отчёт готов. Проверьте, пожалуйста, счёт за март. С уважением. ",
    "ja": "四半期報告書をお送りします。請求書をご確認ください。よろしくお願いします。",
    "zh": "季度报告已经准备好了。请查看附件中的发票。谢谢您的帮助。",
}


def sentence(rng):
    return f"{rng.choice(OPENERS)} {rng.choice(THINGS)} {rng.choice(CLOSERS)}."


def paragraphs(rng, count):
    return [" ".join(sentence(rng) for _ in range(rng.randint(1, 6))) for _ in range(count)]


def prose(rng, count):
    """As many words, of a vocabulary that repeats as a language does (Zipf): mail deflates to a
    third or a quarter of its size, sentences out of a few parts to a fifteenth."""
    syllables = [a + b for a in ("", *"bcdfghklmnprstvw", "ch", "st", "tr") for b in
                 ("a", "e", "i", "o", "u", "an", "en", "er", "in", "on", "ar", "ed", "ing", "ly")]
    words = ["".join(rng.choices(syllables, k=rng.choice([1, 1, 2, 2, 2, 3, 3, 4])))
             for _ in range(4_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    chosen = iter(rng.choices(words, weights, k=count))
    sentences = []
    while sentence := " ".join(word for word, _ in zip(chosen, range(rng.randint(5, 18)))):
        sentences.append(sentence.capitalize() + ".")
    return " ".join(sentences)


def wrap(text, width=72):
    """Breaks at spaces; much faster than textwrap, which is all that is needed here."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return lines + [line]


def letter(rng, name, count=None):
    """A plain letter: a list of lines."""
    lines = [rng.choice(["Hi", "Hello", "Dear all", "Good morning"]) + ",", ""]
    for paragraph in paragraphs(rng, count or rng.randint(1, 6)):
        lines += wrap(paragraph) + [""]
    return lines + [rng.choice(["Best regards", "Cheers", "Thanks"]) + ",", name]


def quoted(rng, name):
    return [f"On some earlier day, {name} wrote:"] + [
        "> " + line for paragraph in paragraphs(rng, 2) for line in wrap(paragraph, 70)] + [""]


def patch(rng):
    """A diffstat and a diff, as git format-patch sends them."""
    path = rng.choice(["mm/slab.c", "fs/fuse/dir.c", "net/ipv4/tcp_input.c", "lib/xarray.c",
                       "drivers/net/veth.c", "kernel/sched/fair.c"])
    lines = wrap(sentence(rng)) + ["", f"Signed-off-by: {rng.choice(PEOPLE)[1]}", "---",
                                   f" {path} | {rng.randint(2, 40)} ++++----", ""]
    lines += [f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}"]
    for _ in range(rng.randint(1, 8)):
        start = rng.randint(10, 4000)
        lines.append(f"@@ -{start},7 +{start},8 @@ static int do_thing(struct inode *inode)")
        for _ in range(rng.randint(3, 14)):
            lines.append(rng.choice([" ", "+", "-"]) + "\t" + rng.choice([
                "if (err)", "\treturn -EINVAL;", "spin_lock(&inode->i_lock);", "goto out;",
                f"count += {rng.randint(1, 99)};", "kfree(page);", "/* see the commit before */"]))
    return lines + ["-- ", "2.39.2"]
