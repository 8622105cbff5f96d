// Texts that tell tokenizers apart: white space, digits, contractions, scripts, marks, code.

#include "convert/tokenizer_keys.h"

namespace ingle {
namespace {

constexpr std::string_view kTexts[] = {
    "",
    " ",
    "  ",
    "\n",
    "\n\n\n",
    "\t\t x",
    "\r\n\r\n a \r b",
    " \n \n\n \t \t\t  \n   end   ",
    "Hello, world! How are you today?",
    "   leading and trailing   ",
    "one  two   three    four     five",
    "line one\nline two\n\n  indented\n\ttabbed\n",
    "I'm you're he's we'll they've I'd can't 'tis rock'n'roll don'ts",
    "I'M YOU'RE HE'S WE'LL THEY'VE I'D CAN'T 'TIS o'CLOCK's",
    "1 12 123 1234 12345 123456 1234567 12345678 123456789 1,234,567.89 3.14159e-10",
    "a1b2c3 x86-64 v1.2.3-rc4 0xDEADBEEF 1st 2nd 100% $5.99 50000000",
    "camelCase PascalCase snake_case SCREAMING_SNAKE kebab-case HTMLParser iPhone McDonald XMLHttp",
    "!!! ??? ... ,,, ;;; ::: --- === +++ *** ### @@@ ^^^ ~~~ ``` \"\"\" '''",
    "(a)[b]{c}<d> /e/ \\f\\ |g| a.b,c;d:e!f?g \"quoted\" 'single' `code`",
    "https://example.org/path/to?query=1&other=two#part user@example.com C:\\Users\\x",
    "def f(x: int) -> str:\n    return f\"{x!r:>10}\"  # comment\n\n\nclass A:\n\tpass\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2.0f; } // done\r\n/* end */",
    "<html><body class=\"x\">&nbsp;&amp;</body></html>\n{\"key\": [1, 2.5, null, true]}",
    "SELECT * FROM t WHERE a >= 10 AND b != 'x''y';",
    "- item\n- [ ] task\n1. first\n2. second\n\n| a | b |\n|---|---|\n**bold** _it_ # head",
    "Größe, naïve café, señor, façade, Ærøskøbing, œuvre, smörgåsbord, İstanbul, ﬁne",
    "Привет, мир! Как дела? ПРИВЕТ Ёлка съешь ещё этих булок, 2024 год",
    "Γειά σου Κόσμε· ΑΒΓ αβγ ς",
    "你好,世界!今天天气怎么样?我在北京工作123天。",
    "こんにちは世界。カタカナとひらがな、漢字まじり。ｶﾀｶﾅ",
    "안녕하세요 세계! 한국어 문장입니다.",
    "مرحبا بالعالم، كيف حالك؟ ١٢٣",
    "שלום עולם, מה שלומך?",
    "สวัสดีชาวโลก ภาษาไทย ๑๒๓",
    "नमस्ते दुनिया, आप कैसे हैं? १२३",
    "ជំរាបសួរ កាន់តែពិសេស",
    "Xin chào thế giới, tiếng Việt có dấu",
    "😀 😃👍 🚀🚀🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ✅ "
    "❤️ "
    "☺",
    "→ ← ≤ ≥ ≠ ∑ ∫ √ ∞ π × ÷ ± ° € £ ¥ © ® ™ § ¶ • … – — “quotes” ‘single’ «guillemets»",
    "a\u00A0b\u2003c\u3000d\u200Be\uFEFFf",
    "x\u00B2 H\u2082O \u00BD \u2167 \u2460 \u216B",
    "\x01\x02 \x7F control",
    "the quick brown fox jumps over the lazy dog THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
    "antidisestablishmentarianism supercalifragilisticexpialidocious Donaudampfschifffahrt",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "                                                                x",
    "\n\n\n\n\n\n\n\n\n\n\n\n x \n\n\n\n",
    "0000000000000000 1111111111111111 .................... --------------------",
    "He said: \"It's 5 o'clock.\" (Really?) Yes/no; and/or... e.g., i.e., etc.",
    "\u6F22\u5B57English\u6DF7\u5728123\u4E00\u8D77ABC\u3002 \u30C6\u30B9\u30C8test",
};

// Unicode normalisation changes these.
constexpr std::string_view kDecomposed[] = {
    "e\u0301 u\u0308 n\u0303 A\u030A o\u0302\u0323",
    "\uFF21\uFF22\uFF23 \uFF11\uFF12 \uFB01 \u2126 \u212B",
    "\u1100\u1161\u11A8 \u0915\u093C",
};

// Single blanks between words, and no other white space.
bool IsWords(std::string_view text) {
  if (text.starts_with(' ') || text.ends_with(' ')) return false;
  for (const std::string_view other : {"  ", "\t", "\r", "\n", "\u00A0", "\u2003", "\u3000"})
    if (text.find(other) != text.npos) return false;
  return true;
}

std::string Compare(const Tokenizer& a, const Tokenizer& b, std::string_view text, bool special) {
  if (a.Encode(text, true, special) == b.Encode(text, true, special)) return {};
  return std::string(text.empty() ? "(the empty text)" : text);
}

}  // namespace

std::span<const std::string_view> ComparedTexts() { return kTexts; }

std::string FirstDifference(const Tokenizer& a, const Tokenizer& b, Compared what) {
  std::string all;
  for (const std::string_view text : kTexts) {
    if (what == Compared::kWords && !IsWords(text)) continue;
    if (std::string found = Compare(a, b, text, false); !found.empty()) return found;
    all.append(text).append(" ");
  }
  if (what == Compared::kWords) return {};
  // Special tokens, within text and beside each other. (A file may hold some that its own library
  // does not find in a text.)
  constexpr size_t kSpecials = 512;
  size_t specials = 0;
  for (size_t i = 0; i < a.size() && specials < kSpecials; ++i) {
    const auto id = static_cast<TokenId>(i);
    if (a.Kind(id) != TokenKind::kControl) continue;
    if (a.Encode(a.Spelling(id), false, true) != std::vector{id}) continue;
    all.append(a.Spelling(id)).append(++specials % 3 == 0 ? " word" : "");
  }
  if (std::string found = Compare(a, b, all, true); !found.empty())
    return "text with special tokens";
  if (what == Compared::kComposed) return {};
  for (const std::string_view text : kDecomposed)
    if (std::string found = Compare(a, b, text, false); !found.empty()) return found;
  return {};
}

}  // namespace ingle
