// Message names for awkward subjects. Bytes that aren't ASCII are written in octal where they come
// from the wire; the names are what a person sees.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/name_checks.h"

namespace emlfs {
namespace {

using namespace std::string_literals;

struct Case {
  std::string what;
  std::string subject;  // the raw value of the field
  std::string part;     // of the name, for the subject
};

// clang-format off
const std::vector<Case> kCases = {
    // Plain
    {"plain", "Re: Quarterly report", "Re-Quarterly-report"},
    {"punctuation", "a!b\"c#d$e&f'g(h)i*j;k<l>m?n[o\\p]q^r`s{t|u}v~w%x:y/z", "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w-x-y-z"},
    {"kept punctuation", "a+b.c@d_e-f", "a+b.c@d_e-f"},
    {"dropped punctuation", "a,b=c", "a-b-c"},
    {"no subject", "", "no-subject"},
    {"only dots", "...", "no-subject"},
    {"only spaces", "   \011  ", "no-subject"},
    {"only punctuation", "?!?!", "no-subject"},
    {"up the tree", "../../etc/passwd", "etc-passwd"},
    {"absolute path", "/etc/shadow", "etc-shadow"},
    {"option", "--delete -rf", "delete-rf"},
    {"hidden", ".bashrc", "bashrc"},
    {"dots at the end", "wait...", "wait"},
    {"command substitution", "$(rm -rf ~) `id` ;reboot", "rm-rf-id-reboot"},
    {"host syntax", "host:file", "host-file"},
    {"folded", "one\r\n two\r\n\011three", "one-two-three"},
    {"folded into nothing", "\r\n \r\n x", "x"},
    {"bare CR", "a\rb", "a-b"},
    {"NUL", "a\000b"s, "a-b"},
    {"escape sequence", "\033[31mred\033]0;title\007", "31mred-0-title"},
    {"delete and backspace", "a\177\010b", "a-b"},
    // Raw bytes
    {"raw UTF-8", "Gr\303\274\303\237e aus K\303\266ln", "Grüße-aus-Köln"},
    {"raw Latin-1", "Gr\374\337e aus K\366ln", "Grüße-aus-Köln"},
    {"raw windows-1252 quotes", "\223K\366ln\224 \2005", "Köln-€5"},
    {"raw truncated UTF-8", "K\303", "KÃ"},
    {"raw overlong slash", "a\300\257b", "aÀ-b"},
    {"raw surrogate", "a\355\240\200b", "aí-€b"},
    {"raw C1 control", "a\302\233b", "a-b"},
    {"raw and encoded", "K\303\266ln =?koi8-r?B?8NLJ18XU?= \374", "Köln-Привет-ü"},
    // Charsets
    {"iso-8859-1 Q", "=?iso-8859-1?Q?caf=E9=20na=EFve?=", "café-naïve"},
    {"ISO-8859-2 B", "=?ISO-8859-2?B?WmG/87PmIGfqtmyxIGphvPE=?=", "Zażółć-gęślą-jaźń"},
    {"iso-8859-5 Q", "=?iso-8859-5?Q?=C1=EA=D5=E8=EC?=", "Съешь"},
    {"iso-8859-7 B", "=?iso-8859-7?B?yuHr5+zd8eE=?=", "Καλημέρα"},
    {"iso-8859-9 Q", "=?iso-8859-9?Q?I=FE=FDk?=", "Işık"},
    {"iso-8859-15 B", "=?iso-8859-15?B?vXV2cmUgpA==?=", "œuvre-€"},
    {"windows-1251 Q", "=?windows-1251?Q?=D1=F7=B8=F2?=", "Счёт"},
    {"koi8-r B", "=?koi8-r?B?8NLJ18XUIM3J0g==?=", "Привет-мир"},
    {"KOI8-U Q", "=?KOI8-U?Q?=B7=D6=C1=CB?=", "Їжак"},
    {"gb2312 B", "=?gb2312?B?u+HS6c2o1qo=?=", "会议通知"},
    {"gb2312 Q", "=?gb2312?Q?=FD=88=E9T?=", "龍門"},
    {"gbk B", "=?gbk?B?t7Hzd5x51Ic=?=", "繁體測試"},
    {"gb18030 Q", "=?gb18030?Q?=BB=E1=D2=E9=952=826?=", "会议𠀀"},
    {"big5 B", "=?big5?B?wWPF6aSkpOU=?=", "繁體中文"},
    {"euc-kr Q", "=?euc-kr?Q?=BE=C8=B3=E7=C7=CF=BC=BC=BF=E4?=", "안녕하세요"},
    {"ks_c_5601-1987 B", "=?ks_c_5601-1987?B?jGO55rCix88=?=", "똠방각하"},
    {"iso-2022-jp Q", "=?iso-2022-jp?Q?=1B=24B2q5D=24N=24=2ACN=24i=24=3B=1B=28B?=", "会議のお知らせ"},
    {"shift_jis B", "=?shift_jis?B?h4qDZYNYg2eHQA==?=", "㈱テスト①"},
    {"euc-jp Q", "=?euc-jp?Q?=C6=FC=CB=DC=B8=EC?=", "日本語"},
    {"tis-620 B", "=?tis-620?B?ysfRyrTV?=", "สวัสดี"},
    {"utf-7 Q", "=?utf-7?Q?Gr=2BAPYA3w=2De?=", "Größe"},
    {"utf-16be B", "=?utf-16be?B?AEcAcgD2AN8AZQ==?=", "Größe"},
    {"UTF-16 Q", "=?UTF-16?Q?=FF=FEG=00r=00=F6=00=DF=00e=00?=", "Größe"},
    {"windows-1256 B", "=?windows-1256?B?49HNyMc=?=", "مرحبا"},
    {"iso-8859-8-i Q", "=?iso-8859-8-i?Q?=F9=EC=E5=ED?=", "שלום"},
    {"charset in another spelling", "=?ISO_8859-1?q?caf=E9?=", "café"},
    {"charset with a language", "=?utf-8*de?Q?K=C3=B6ln?=", "Köln"},
    {"UTF-16 that is ASCII", "=?utf-16?Q?Hello?=", "Hello"},
    {"UTF-16 with an odd byte", "=?utf-16be?B?AEgA6Xg=?=", "Hé"},
    {"ASCII with UTF-8 in it", "=?us-ascii?Q?K=C3=B6ln?=", "Köln"},
    {"ASCII with windows-1252 in it", "=?us-ascii?Q?K=F6ln?=", "Köln"},
    {"UTF-8 that is Latin-1", "=?utf-8?Q?K=F6ln?=", "K-ln"},
    {"Latin-1 that is windows-1252", "=?iso-8859-1?Q?=9320_=80=94?=", "20-€"},
    {"unknown charset, UTF-8", "=?x-unknown?Q?K=C3=B6ln?=", "Köln"},
    {"unknown charset, windows-1252", "=?unknown-8bit?Q?K=F6ln?=", "Köln"},
    {"empty charset", "=??Q?K=C3=B6ln?=", "Köln"},
    {"the locale's charset is not for mail", "=?char?Q?K=C3=B6ln?=", "Köln"},
    {"a charset that is a path", "=?../../tmp/evil//TRANSLIT?Q?K=C3=B6ln?=", "Köln"},
    {"invalid Shift JIS", "=?shift_jis?Q?ok=81?=", "ok"},
    {"UTF-7 in disguise", "=?utf-7?Q?+AC8-etc+AC8-passwd?=", "etc-passwd"},
    // Encoded words
    {"Q split inside a character", "=?utf-8?Q?K=C3?= =?utf-8?Q?=B6ln?=", "Köln"},
    {"B split inside a character", "=?utf-8?B?S8M=?=\r\n =?UTF-8?b?tmxu?=", "Köln"},
    {"B split inside four characters", "=?utf-8?B?S8O2bG?= =?utf-8?B?4gYW0gUmhlaW4=?=", "Köln-am-Rhein"},
    {"Q and B of one charset, one character", "=?utf-8?Q?K=C3?= =?utf-8?B?tmxu?=", "Köln"},
    {"ISO-2022-JP split in its shifted state", "=?iso-2022-jp?B?GyRCMnE1RCRO?= =?iso-2022-jp?B?JCpDTiRpJDsbKEI=?=", "会議のお知らせ"},
    {"GB2312 split inside a character", "=?gb2312?Q?=BB=E1=D2?= =?gb2312?Q?=E9?=", "会议"},
    {"two charsets side by side", "=?utf-8?B?S8O2bG4g?= =?koi8-r?Q?=CD=C9=D2?=", "Köln-мир"},
    {"blanks between words go", "=?utf-8?Q?a?=   =?utf-8?Q?b?=", "ab"},
    {"blanks before text stay", "=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a-b-c"},
    {"no blanks around a word", "a=?utf-8?Q?=C3=B6?=b", "aöb"},
    {"bad padding", "=?utf-8?B?S8O2bG4?=", "Köln"},
    {"too much padding", "=?utf-8?B?S8O2bG4====?=", "Köln"},
    {"blanks in base64", "=?utf-8?B?S8O2 bG4=?=", "Köln"},
    {"bad hex", "=?utf-8?Q?a=ZZb=?=", "a-ZZb"},
    {"blanks and question marks in Q", "=?utf-8?Q?Is it =C3=B6?\?=", "Is-it-ö"},
    {"unknown encoding", "=?utf-8?X?abc?=", "utf-8-X-abc"},
    {"never closed", "=?utf-8?Q?abc", "utf-8-Q-abc"},
    {"empty word", "=?utf-8?Q?\?=", "no-subject"},
    {"a word in a word", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=", "utf-8-Q-x"},
    {"line end in a word", "=?utf-8?Q?a=0D=0ABcc:_b?=", "a-Bcc-b"},
    {"NUL in a word", "=?utf-8?B?YQBi?=", "a-b"},
    {"path in a word", "=?utf-8?Q?=2E=2E=2Fx?=", "x"},
    // Unicode
    {"right to left", "\342\200\256\327\251\327\234\327\225\327\235 \327\242\327\225\327\234\327\235\342\200\254", "שלום-עולם"},
    {"bidi override", "gpj.\342\200\256exe.photo", "gpj.exe.photo"},
    {"isolates and marks", "\342\201\247a\342\201\251\342\200\216b\342\200\217c\330\234d", "abcd"},
    {"zero width", "a\342\200\213b\342\200\214c\342\200\215d\357\273\277e\302\255f\342\201\240g", "abcdefg"},
    {"only invisible", "\342\200\213\342\201\240\343\205\244\341\205\237", "no-subject"},
    {"tags", "a\363\240\201\201\363\240\201\277b", "ab"},
    {"white space of all kinds", "a\302\240b\342\200\203c\343\200\200d\342\200\250e\341\232\200f", "a-b-c-d-e-f"},
    {"emoji", "\360\237\216\211 Party \360\237\221\215\360\237\217\275", "🎉-Party-👍🏽"},
    {"emoji with ZWJ", "\360\237\221\250\342\200\215\360\237\221\251\342\200\215\360\237\221\247 \342\235\244\357\270\217", "👨👩👧-❤"},
    {"flag", "\360\237\207\251\360\237\207\252 1\357\270\217\342\203\243", "🇩🇪-1\u20E3"},
    {"decomposed", "Cafe\314\201 o\314\210", "Café-ö"},
    {"decomposed Hangul", "\341\204\222\341\205\241\341\206\253", "한"},
    {"singleton", "\342\204\253\342\204\246\315\276", "ÅΩ"},
    {"zalgo", "a\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227\314\226\314\227b", "a\u0316\u0317\u0316\u0317b"},
    {"mark at the start", "\314\201a -\314\201b", "a-b"},
    {"solidus look-alikes", "a\357\274\217b\342\201\204c", "a-b⁄c"},
    {"typography", "\342\200\234Don\342\200\231t\342\200\235 \342\200\223 it\342\200\231s\342\200\246", "Don-t-it-s"},
    {"private use, unassigned, noncharacter", "a\356\200\200b\364\217\277\277c\315\270d\357\267\220e", "abcde"},
    {"blank symbols", "a\342\240\200b\357\277\274c\357\277\275d", "a-b-c-d"},
    {"blank hieroglyphs", "a\360\223\221\201b", "a-b"},
    {"Devanagari", "\340\244\250\340\244\256\340\244\270\340\245\215\340\244\244\340\245\207 \340\244\246\340\245\201\340\244\250\340\244\277\340\244\257\340\244\276", "नमस\u094Dते-दुनिया"},
    {"Thai", "\340\270\252\340\270\247\340\270\261\340\270\252\340\270\224\340\270\265 \340\270\204\340\270\243\340\270\261\340\270\232", "สวัสดี-ครับ"},
};
// clang-format on

TEST(SubjectNames, ForAwkwardSubjects) {
  ASSERT_GE(kCases.size(), 60U);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(test::nameOf("From: Alice Example <alice@example.org>\r\nSubject: " + c.subject +
                           "\r\n\r\n"),
              "2026-11-20_Alice-Example_" + c.part + ".4211.eml");
  }
}

}  // namespace
}  // namespace emlfs
