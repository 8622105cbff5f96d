#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "text/byte_level.h"
#include "text/charsmap.h"
#include "text/component_json.h"
#include "text/normal_form.h"
#include "text/unicode.h"
#include "text/unicode_properties.h"

namespace ingle {

struct TextNormalizer::Step {
  // Writes to `out` and returns true, or returns false when nothing changes.
  using Apply = bool (*)(const Step&, std::string_view text, std::string& out, Section& section);
  Apply apply = nullptr;
  std::string content;
  TextPattern pattern;
  std::optional<Charsmap> charsmap;
  NormalForm form = NormalForm::kNfc;
  bool left = false, right = false;
  bool clean = false, chinese = false, accents = false, lowercase = false;
};

namespace {

using Step = TextNormalizer::Step;
using Section = TextNormalizer::Section;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Calls visit(character, bytes of it) for each.
template <class Visit>
void ForEach(std::string_view text, Visit visit) {
  for (size_t position = 0; position < text.size();) {
    const CodePoint c = DecodeAt(text, position);
    visit(c.value, text.substr(position, c.length));
    position += c.length;
  }
}

bool Is(uint32_t c, uint32_t property) { return (CharProperties(c) & property) != 0; }

// Keeps what `keep` says; a dropped first character moves where the original begins.
template <class Keep>
bool Filter(std::string_view text, std::string& out, Section& section, Keep keep) {
  ForEach(text, [&](uint32_t c, std::string_view bytes) {
    if (keep(c)) {
      out += bytes;
    } else if (out.empty()) {
      section.cut_front = true;
    }
  });
  return true;
}

bool ApplyForm(const Step& step, std::string_view text, std::string& out, Section&) {
  return ToNormalForm(step.form, text, out);
}

bool ApplyLowercase(const Step&, std::string_view text, std::string& out, Section&) {
  ForEach(text, [&](uint32_t c, std::string_view) { AppendLowercase(c, out); });
  return true;
}

bool ApplyStrip(const Step& step, std::string_view text, std::string& out, Section& section) {
  size_t begin = text.size(), end = 0, position = 0;
  ForEach(text, [&](uint32_t c, std::string_view bytes) {
    if (!Is(c, kWhiteSpace)) {
      begin = std::min(begin, position);
      end = position + bytes.size();
    }
    position += bytes.size();
  });
  if (!step.left || !section.first) begin = step.right && end == 0 ? text.size() : 0;
  if (!step.right || !section.last) end = text.size();
  if (begin > 0) section.cut_front = true;
  out = begin < end ? text.substr(begin, end - begin) : std::string_view();
  return true;
}

bool ApplyStripAccents(const Step&, std::string_view text, std::string& out, Section& section) {
  return Filter(text, out, section, [](uint32_t c) { return !Is(c, kCombiningMark); });
}

bool ApplyReplace(const Step& step, std::string_view text, std::string& out, Section& section) {
  std::vector<Regex::Range> matches;
  step.pattern.FindAll(text, matches);
  if (matches.empty()) return false;
  size_t copied = 0;
  for (const auto& [begin, end] : matches) {
    if (step.content.empty() && begin == 0 && end > 0) section.cut_front = true;
    out.append(text.substr(copied, begin - copied)).append(step.content);
    copied = end;
  }
  out.append(text.substr(copied));
  return true;
}

bool ApplyPrepend(const Step& step, std::string_view text, std::string& out, Section& section) {
  if (text.empty() || !section.first) return false;
  out.append(step.content).append(text);
  return true;
}

bool ApplyNmt(const Step&, std::string_view text, std::string& out, Section& section) {
  Filter(text, out, section, [](uint32_t c) {
    return !((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
             c == 0x8F || c == 0x9F);
  });
  std::string mapped;
  ForEach(out, [&](uint32_t c, std::string_view bytes) {
    const bool blank = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    mapped += blank ? std::string_view(" ") : bytes;
  });
  out = std::move(mapped);
  return true;
}

// By clusters that a reader takes for one character; one of less than six bytes is looked up whole
// and replaced whole, whatever part of it is in the map. So the original does, and says that it
// has to.
bool ApplyCharsmap(const Step& step, std::string_view text, std::string& out, Section&) {
  const auto single = [&](uint32_t, std::string_view bytes) {
    const auto match = step.charsmap->Shortest(bytes);
    out += match ? match->replacement : bytes;
  };
  for (size_t begin = 0; begin < text.size();) {
    CodePoint c = DecodeAt(text, begin);
    size_t end = begin + c.length;
    int32_t state = 0;
    while (end < text.size()) {
      const CodePoint next = DecodeAt(text, end);
      if (utf8proc_grapheme_break_stateful(static_cast<int32_t>(c.value),
                                           static_cast<int32_t>(next.value), &state))
        break;
      end += next.length;
      c = next;
    }
    const std::string_view cluster = text.substr(begin, end - begin);
    const auto match = cluster.size() < 6 ? step.charsmap->Shortest(cluster) : std::nullopt;
    if (match) {
      out += match->replacement;
    } else {
      ForEach(cluster, single);
    }
    begin = end;
  }
  return true;
}

bool ApplyByteLevel(const Step&, std::string_view text, std::string& out, Section&) {
  for (char byte : text) AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), out);
  return true;
}

// SentencePiece's own: a blank is written before a word, once where they are merged.
bool ApplySentencePiece(const Step& step, std::string_view text, std::string& out, Section&) {
  bool in_word = false, prefixed = false;
  const auto put = [&](std::string_view bytes) {
    for (char c : bytes) {
      if (c == ' ') {
        in_word = false;
        if (!step.right) out += kSpaceMark;
        continue;
      }
      if (!std::exchange(in_word, true) && ((step.left && !prefixed) || step.right)) {
        out += kSpaceMark;
        prefixed = true;
      }
      out += c;
    }
  };
  for (size_t position = 0; position < text.size();) {
    const std::string_view rest = text.substr(position);
    const auto match = step.charsmap ? step.charsmap->Longest(rest) : std::nullopt;
    const size_t length = match ? match->length : DecodeAt(rest, 0).length;
    put(match ? match->replacement : rest.substr(0, length));
    position += length;
  }
  return true;
}

bool IsChinese(uint32_t c) {
  constexpr std::pair<uint32_t, uint32_t> kBlocks[] = {
      {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  for (const auto& [first, last] : kBlocks) {
    if (c >= first && c <= last) return true;
  }
  return false;
}

void BertClean(std::string_view text, std::string& out, Section& section) {
  ForEach(text, [&](uint32_t c, std::string_view bytes) {
    if (c == 0 || c == 0xFFFD || Is(c, kBertControl)) {
      if (out.empty()) section.cut_front = true;
    } else {
      out += Is(c, kWhiteSpace) ? std::string_view(" ") : bytes;
    }
  });
}

bool ApplyBert(const Step& step, std::string_view text, std::string& out, Section& section) {
  std::string now(text);
  const auto next = [&](auto change) {
    std::string changed;
    changed.reserve(now.size());
    change(changed);
    now = std::move(changed);
  };
  if (step.clean) next([&](std::string& to) { BertClean(now, to, section); });
  if (step.chinese) {
    next([&](std::string& to) {
      ForEach(now, [&](uint32_t c, std::string_view bytes) {
        if (IsChinese(c)) to += ' ';
        to += bytes;
        if (IsChinese(c)) to += ' ';
      });
    });
  }
  if (step.accents) {
    std::string decomposed;
    if (ToNormalForm(NormalForm::kNfd, now, decomposed)) now = std::move(decomposed);
    next([&](std::string& to) {
      Filter(now, to, section, [](uint32_t c) { return !Is(c, kNonspacingMark); });
    });
  }
  if (step.lowercase) next([&](std::string& to) { ApplyLowercase(step, now, to, section); });
  out = std::move(now);
  return true;
}

Status ReadReplace(const Component& component, Step& step) {
  INGLE_TRY(step.pattern, component.Pattern("pattern"));
  INGLE_TRY(step.content, component.String("content"));
  return {};
}

Status ReadStrip(const Component& component, Step& step) {
  INGLE_TRY(step.left, component.Bool("strip_left"));
  INGLE_TRY(step.right, component.Bool("strip_right"));
  return {};
}

Status ReadPrepend(const Component& component, Step& step) {
  INGLE_TRY(step.content, component.String("prepend"));
  return {};
}

Status ReadBert(const Component& component, Step& step) {
  INGLE_TRY(step.clean, component.Bool("clean_text"));
  INGLE_TRY(step.chinese, component.Bool("handle_chinese_chars"));
  INGLE_TRY(step.lowercase, component.Bool("lowercase"));
  INGLE_TRY(step.accents, component.Bool("strip_accents", step.lowercase));
  return {};
}

Status ReadCharsmap(const Component& component, Step& step) {
  INGLE_TRY(const std::string text, component.String("precompiled_charsmap"));
  const std::optional<std::string> bytes = DecodeBase64(text);
  if (!bytes) return component.Wrong("precompiled_charsmap", "base64");
  INGLE_TRY(step.charsmap, Charsmap::Parse(*bytes));
  return {};
}

template <NormalForm kForm>
Status ReadForm(const Component&, Step& step) {
  step.form = kForm;
  return {};
}

using Kind = ComponentKind<Step::Apply, Step>;
constexpr Kind kKinds[] = {
    {"NFC", ApplyForm, ReadForm<NormalForm::kNfc>},
    {"NFD", ApplyForm, ReadForm<NormalForm::kNfd>},
    {"NFKC", ApplyForm, ReadForm<NormalForm::kNfkc>},
    {"NFKD", ApplyForm, ReadForm<NormalForm::kNfkd>},
    {"Lowercase", ApplyLowercase, ReadNothing},
    {"Strip", ApplyStrip, ReadStrip},
    {"StripAccents", ApplyStripAccents, ReadNothing},
    {"Replace", ApplyReplace, ReadReplace},
    {"Prepend", ApplyPrepend, ReadPrepend},
    {"Nmt", ApplyNmt, ReadNothing},
    {"Precompiled", ApplyCharsmap, ReadCharsmap},
    {"BertNormalizer", ApplyBert, ReadBert},
    {"ByteLevel", ApplyByteLevel, ReadNothing},
};

}  // namespace

TextNormalizer::TextNormalizer() = default;
TextNormalizer::~TextNormalizer() = default;
TextNormalizer::TextNormalizer(TextNormalizer&&) noexcept = default;
TextNormalizer& TextNormalizer::operator=(TextNormalizer&&) noexcept = default;

Result<TextNormalizer> TextNormalizer::FromJson(const json::value& value) {
  TextNormalizer normalizer;
  if (value.is_null()) return normalizer;
  const auto take = [&](const Component& component, const Kind& kind) -> Status {
    Step step;
    step.apply = kind.action;
    INGLE_RETURN_IF_ERROR(kind.read(component, step));
    normalizer.steps_.push_back(std::move(step));
    return {};
  };
  INGLE_RETURN_IF_ERROR(ReadComponents(value, {"normalizer", "normalizers"}, kKinds, take));
  return normalizer;
}

TextNormalizer TextNormalizer::Bert(bool lowercase, bool strip_accents) {
  TextNormalizer normalizer;
  Step& step = normalizer.steps_.emplace_back();
  step.apply = ApplyBert;
  step.clean = step.chinese = true;
  step.lowercase = lowercase;
  step.accents = strip_accents;
  return normalizer;
}

TextNormalizer TextNormalizer::SentencePiece(std::optional<Charsmap> charsmap, bool prefix_space,
                                             bool merge_spaces) {
  TextNormalizer normalizer;
  Step& step = normalizer.steps_.emplace_back();
  step.apply = ApplySentencePiece;
  step.charsmap = std::move(charsmap);
  step.left = prefix_space;
  step.right = merge_spaces;
  return normalizer;
}

TextNormalizer TextNormalizer::MarkSpaces() {
  TextNormalizer normalizer;
  Step& step = normalizer.steps_.emplace_back();
  step.apply = ApplyReplace;
  step.pattern.literal = " ";
  step.content = kSpaceMark;
  return normalizer;
}

std::string_view TextNormalizer::Normalize(std::string_view text, std::string& storage,
                                           Section& section) const {
  std::string next;
  for (const Step& step : steps_) {
    next.clear();
    if (!step.apply(step, text, next, section)) continue;
    storage.swap(next);
    text = storage;
  }
  return text;
}

}  // namespace ingle
