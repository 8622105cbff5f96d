#include <algorithm>
#include <limits>
#include <utility>

#include "text/trie.h"
#include "text/unicode.h"
#include "text/word_model.h"

namespace ingle {
namespace {

constexpr double kUnknownPenalty = 10.0;  // Below the worst score of a token (SentencePiece).

std::vector<std::pair<std::string_view, uint32_t>> Reachable(const ModelVocabulary& vocabulary) {
  std::vector<std::pair<std::string_view, uint32_t>> entries;
  for (uint32_t id = 0; id < vocabulary.spellings.size(); ++id) {
    const std::string_view spelling = vocabulary.spellings[id];
    if (vocabulary.Reachable(id) && !spelling.empty()) entries.emplace_back(spelling, id);
  }
  return entries;
}

// The path with the highest sum of scores (Viterbi); the first found among equals.
class UnigramModel : public WordModel {
 public:
  UnigramModel(const ModelVocabulary* vocabulary, UnigramOptions options)
      : options_(std::move(options)),
        trie_(Reachable(*vocabulary)),
        byte_tokens_(FindByteTokens(*vocabulary)) {
    double worst = std::numeric_limits<double>::infinity();
    for (size_t id = 0; id < options_.scores.size(); ++id) {
      if (vocabulary->in_model[id]) worst = std::min(worst, options_.scores[id]);
    }
    unknown_score_ = options_.unknown_score.value_or(worst - kUnknownPenalty);
  }

  void Encode(std::string_view word, std::vector<TokenId>& ids) const override;

 private:
  // The best way to reach a place: its last token and where that begins.
  struct Node {
    double score = 0;
    size_t begin = 0;
    TokenId id = kNoToken;  // kNoToken: not reached.
  };
  void FindPaths(std::string_view word, std::vector<Node>& nodes) const;
  void Append(std::string_view unknown, std::vector<TokenId>& ids) const;

  UnigramOptions options_;
  Trie trie_;
  std::array<TokenId, 256> byte_tokens_;
  double unknown_score_;
};

void UnigramModel::FindPaths(std::string_view word, std::vector<Node>& nodes) const {
  const auto offer = [&](size_t end, double score, size_t begin, TokenId id) {
    Node& node = nodes[end];
    if (node.id == kNoToken || score > node.score) node = {score, begin, id};
  };
  for (size_t begin = 0; begin < word.size();) {
    const double so_far = nodes[begin].score;
    const size_t character = DecodeAt(word, begin).length;
    bool single = false;
    uint32_t at = Trie::kRoot;
    for (size_t end = begin; end < word.size();) {
      at = trie_.Child(at, static_cast<uint8_t>(word[end]));
      if (at == Trie::kNone) break;
      ++end;
      const uint32_t id = trie_.Value(at);
      if (id == Trie::kNone) continue;
      offer(end, so_far + options_.scores[id], begin, static_cast<TokenId>(id));
      single = single || end - begin == character;
    }
    if (!single) offer(begin + character, so_far + unknown_score_, begin, options_.unk);
    begin += character;
  }
}

// A run of unknown text: a token that has this spelling after all, its bytes, or the unknown token.
void UnigramModel::Append(std::string_view unknown, std::vector<TokenId>& ids) const {
  const uint32_t node = trie_.Walk(Trie::kRoot, unknown);
  if (node != Trie::kNone && trie_.Value(node) != Trie::kNone)
    return ids.push_back(static_cast<TokenId>(trie_.Value(node)));
  const auto token = [&](char byte) { return byte_tokens_[static_cast<uint8_t>(byte)]; };
  if (options_.byte_fallback && std::all_of(unknown.begin(), unknown.end(),
                                            [&](char byte) { return token(byte) != kNoToken; })) {
    for (char byte : unknown) ids.push_back(token(byte));
  } else {
    ids.push_back(options_.unk);
  }
}

void UnigramModel::Encode(std::string_view word, std::vector<TokenId>& ids) const {
  thread_local std::vector<Node> nodes;
  nodes.assign(word.size() + 1, {});
  FindPaths(word, nodes);
  thread_local std::vector<std::pair<size_t, TokenId>> path;  // Begin and token, from the end.
  path.clear();
  for (size_t end = word.size(); end > 0; end = nodes[end].begin)
    path.emplace_back(nodes[end].begin, nodes[end].id);
  for (size_t i = path.size(); i > 0;) {
    const auto [begin, id] = path[--i];
    if (id != options_.unk) {
      ids.push_back(id);
      continue;
    }
    while (i > 0 && path[i - 1].second == options_.unk) --i;
    const size_t end = i > 0 ? path[i - 1].first : word.size();
    Append(word.substr(begin, end - begin), ids);
  }
}

// Greedy: the longest token that fits, over and over; a word that does not come out is unknown.
class WordPieceModel : public WordModel {
 public:
  WordPieceModel(const ModelVocabulary* vocabulary, WordPieceOptions options)
      : options_(std::move(options)), trie_(Reachable(*vocabulary)) {
    first_ = trie_.Walk(Trie::kRoot, options_.first_prefix);
    continuing_ = trie_.Walk(Trie::kRoot, options_.continuing_prefix);
  }

  void Encode(std::string_view word, std::vector<TokenId>& ids) const override {
    const size_t before = ids.size();
    const auto characters = static_cast<size_t>(std::count_if(
        word.begin(), word.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
    bool fits = characters <= options_.max_characters;
    for (size_t begin = 0; fits && begin < word.size();) {
      uint32_t node = begin == 0 ? first_ : continuing_;
      size_t longest = begin;
      TokenId id = kNoToken;
      for (size_t end = begin; end < word.size() && node != Trie::kNone;) {
        node = trie_.Child(node, static_cast<uint8_t>(word[end++]));
        if (node == Trie::kNone || trie_.Value(node) == Trie::kNone) continue;
        longest = end;
        id = static_cast<TokenId>(trie_.Value(node));
      }
      fits = id != kNoToken;
      if (fits) ids.push_back(id);
      begin = longest;
    }
    if (fits) return;
    ids.resize(before);
    ids.push_back(options_.unk);
  }

 private:
  WordPieceOptions options_;
  Trie trie_;
  uint32_t first_, continuing_;
};

class WordLevelModel : public WordModel {
 public:
  WordLevelModel(const ModelVocabulary* vocabulary, TokenId unk)
      : vocabulary_(vocabulary), unk_(unk) {}
  void Encode(std::string_view word, std::vector<TokenId>& ids) const override {
    const TokenId id = vocabulary_->FindText(word);
    ids.push_back(id == kNoToken ? unk_ : id);
  }

 private:
  const ModelVocabulary* vocabulary_;
  TokenId unk_;
};

}  // namespace

std::unique_ptr<WordModel> MakeUnigramModel(const ModelVocabulary* vocabulary,
                                            UnigramOptions options) {
  return std::make_unique<UnigramModel>(vocabulary, std::move(options));
}

std::unique_ptr<WordModel> MakeWordPieceModel(const ModelVocabulary* vocabulary,
                                              WordPieceOptions options) {
  return std::make_unique<WordPieceModel>(vocabulary, std::move(options));
}

std::unique_ptr<WordModel> MakeWordLevelModel(const ModelVocabulary* vocabulary, TokenId unk) {
  return std::make_unique<WordLevelModel>(vocabulary, unk);
}

}  // namespace ingle
