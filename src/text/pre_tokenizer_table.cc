// Which value of tokenizer.ggml.pre stands for which patterns: those of the tokenizer.json that the
// models were published with.

#include <algorithm>
#include <span>

#include "base/utf8.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace ingle {
namespace {

// Pieces that several patterns share.
#define INGLE_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define INGLE_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define INGLE_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define INGLE_HEAD R"([^\r\n\p{L}\p{N}]?)"
#define INGLE_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define INGLE_MARKS R"( ?[^\s\p{L}\p{N}]+[\r\n]*|)"
#define INGLE_MARKS_SLASH R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|)"

constexpr char kGpt2[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kLlama3[] =
    INGLE_CONTRACTIONS "|" INGLE_HEAD R"(\p{L}+|\p{N}{1,3}|)" INGLE_MARKS INGLE_SPACES;
constexpr char kQwen2[] =
    INGLE_CONTRACTIONS "|" INGLE_HEAD R"(\p{L}+|\p{N}|)" INGLE_MARKS INGLE_SPACES;
constexpr char kGpt4o[] = INGLE_HEAD INGLE_UPPER
    "*" INGLE_LOWER "+" INGLE_CONTRACTIONS "?|" INGLE_HEAD INGLE_UPPER "+" INGLE_LOWER
    "*" INGLE_CONTRACTIONS R"(?|\p{N}{1,3}|)" INGLE_MARKS_SLASH INGLE_SPACES;
constexpr char kTekken[] =
    INGLE_HEAD INGLE_UPPER "*" INGLE_LOWER "+|" INGLE_HEAD INGLE_UPPER "+" INGLE_LOWER
                           R"(*|\p{N}|)" INGLE_MARKS_SLASH INGLE_SPACES;
constexpr char kYoutu[] = INGLE_HEAD INGLE_UPPER
    "*" INGLE_LOWER "+" INGLE_CONTRACTIONS "?|" INGLE_HEAD INGLE_UPPER "+" INGLE_LOWER
    "*" INGLE_CONTRACTIONS R"(?|\p{N}|)" INGLE_MARKS_SLASH INGLE_SPACES;
constexpr char kCjk[] = "[一-龥\u3040-ゟ゠-ヿ]+";
constexpr char kDeepSeek3[] =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kSpark[] =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)";
constexpr char kYoutuScripts[] =
    "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|"
    "[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+";
constexpr char kBloom[] = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
constexpr char kKimi[] =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)" INGLE_CONTRACTIONS
    R"(?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)" INGLE_CONTRACTIONS
    R"(?|\p{N}{1,3}|)" INGLE_MARKS INGLE_SPACES;
constexpr char kAfmoeCjk[] =
    R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF})"
    R"(\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{0E40}-\x{0E7F}\x{0E80}-\x{0EFF}\x{1780}-\x{17FF})"
    R"(\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)";
constexpr char kJais2[] = INGLE_CONTRACTIONS
    "|" INGLE_HEAD R"(\p{L}+|\p{N}{1,3}|)" INGLE_MARKS
    R"(\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|)"
    R"(\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";

struct Row {
  std::string_view names;        // Separated by spaces; the first is the one that we show.
  const char* patterns[6] = {};  // Or a scanner of this name, when there is none.
  bool whole_words_first = false;
  bool adds_bos = false;
};

constexpr Row kRows[] = {
    {"gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de jina-v1-en jina-v2-code roberta-bpe "
     "gigachat a.x-4.0 mellum modern-bert exaone4 mpt olmo jais trillion granite-docling",
     {kGpt2}},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
     {kLlama3},
     true,
     true},
    {"dbrx smaug-bpe glm4 chatglm-bpe", {kLlama3}},
    {"qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", {kQwen2}},
    {"qwen35",
     {INGLE_CONTRACTIONS "|" INGLE_HEAD
                         R"([\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" INGLE_SPACES}},
    {"smollm starcoder refact command-r codeshell exaone minerva-7b mellum2"},
    {"deepseek-llm"},
    {"deepseek-coder",
     {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"}},
    {"deepseek-v3 hunyuan-dense joyai-llm hy_v4", {R"(\p{N}{1,3})", kCjk, kDeepSeek3}},
    {"spark2_5", {R"(\p{N}{1,3})", kCjk, kSpark, R"(\p{N})"}},
    {"youtu", {kYoutuScripts, kYoutu}, true},
    {"falcon", {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
    {"poro-chat bloom gpt3-finnish", {kBloom}},
    {"viking", {kBloom, R"(\p{N})"}},
    {"tekken", {kTekken}, true, true},
    {"chameleon",
     {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", R"([\t\n]|    |  )", R"(\p{N})",
      R"([\p{P}!-/:-@\[-`{-~])", kGpt2},
     false,
     true},
    {"gpt-4o llama4 kanana2 talkie minimax-m2", {kGpt4o}},
    {"granite-embed-multi-97m", {kGpt4o}, true},
    {"tiny_aya cohere2moe", {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o}},
    {"kimi-k2", {kKimi}},
    {"superbpe", {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"}},
    {"bailingmoe bailingmoe2 llada-moe",
     {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|)"
      R"(\s*[\r\n]|\s+(?!\S)|\s+)"}},
    {"seed-coder",
     {INGLE_CONTRACTIONS "|" INGLE_HEAD R"(\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" INGLE_SPACES}},
    {"ufakzeka", {INGLE_HEAD R"(\p{L}+|\p{N}|)" INGLE_MARKS INGLE_SPACES}},
    {"afmoe", {R"(\p{N}{1,2}(?=(?:\p{N}{3})+(?!\p{N}))|\p{N}{3}|\p{N}+)", kAfmoeCjk, kDeepSeek3}},
    {"laguna", {R"([^\n]+|[\n]+)", kQwen2}},
    {"exaone-moe",
     {INGLE_CONTRACTIONS
      "|" INGLE_HEAD
      R"((?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|)"
      R"(\s+(?!\S)|\s+)"}},
    {"minicpm5",
     {R"(\p{N}{1,3})",
      INGLE_CONTRACTIONS "|" INGLE_HEAD R"(\p{L}+|\p{N}+|)" INGLE_MARKS INGLE_SPACES},
     true},
    {"jais-2", {kJais2}},
    {"default"},
};

Result<PreTokenizer> Make(std::string_view name, const Row& row) {
  PreTokenizer made;
  made.name = name;
  made.whole_words_first = row.whole_words_first;
  made.adds_bos = row.adds_bos;
  if (row.patterns[0] == nullptr) {
    made.scanner = FindNamedScanner(row.names.substr(0, row.names.find(' ')));
    return made;
  }
  if (row.patterns[1] == nullptr) made.scanner = FindScanner(row.patterns[0]);
  if (made.scanner != nullptr) return made;
  for (const char* pattern : row.patterns) {
    if (pattern == nullptr) break;
    INGLE_TRY(Regex regex, Regex::Compile(pattern));
    made.patterns.push_back(std::move(regex));
  }
  return made;
}

}  // namespace

void PreTokenizer::Split(std::string_view text, Words& words) const {
  if (scanner != nullptr) return scanner(text, words);
  // The engine reads valid UTF-8 only; a byte that is none is a word of its own.
  while (!text.empty()) {
    const size_t valid = ValidUtf8Prefix(text);
    if (valid > 0) words.push_back(text.substr(0, valid));
    if (valid < text.size()) words.push_back(text.substr(valid, 1));
    text.remove_prefix(std::min(valid + 1, text.size()));
  }
  std::vector<Regex::Range> matches;
  Words before;
  for (const Regex& pattern : patterns) {
    before.swap(words);
    words.clear();
    for (std::string_view word : before) {
      matches.clear();
      const bool stray = word.size() == 1 && static_cast<uint8_t>(word[0]) >= 0x80;
      if (!stray) pattern.FindAll(word, matches);
      size_t done = 0;
      for (const auto& [begin, end] : matches) {
        if (done < begin) words.push_back(word.substr(done, begin - done));
        if (begin < end) words.push_back(word.substr(begin, end - begin));
        done = end;
      }
      if (done < word.size()) words.push_back(word.substr(done));
    }
  }
}

Result<PreTokenizer> FindPreTokenizer(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    std::string_view rest = row.names;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(' '), rest.size());
      const std::string_view candidate = rest.substr(0, end);
      if (candidate == name) return Make(name, row);
      known.append(known.empty() ? "" : ", ").append(candidate);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  std::string shown;
  AppendValid(name.substr(0, 64), false, shown);
  return Fail(
      ErrorCode::kUnsupported,
      "the model's pre-tokenizer \"" + shown +
          "\" (key tokenizer.ggml.pre) is not known, and another one " +
          "would split text differently from how the model was trained; known are: " + known,
      "tokenizer.ggml.pre", "unsupported_tokenizer");
}

}  // namespace ingle
