#include "server/docs_page.h"

#include <span>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/generate.h"

namespace ingle {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

std::string_view UseOf(FieldUse use) {
  switch (use) {
    case FieldUse::kHonoured: return "";
    case FieldUse::kIgnored: return "ignored with a warning: ";
    case FieldUse::kRefused: return "refused with 400: ";
    case FieldUse::kForbidden: return "refused with 403: ";
  }
  return "";
}

std::string Table(const char* title, std::span<const Field> fields) {
  std::string out = std::string("<h2>") + title + "</h2><table>";
  for (const Field& field : fields) {
    const std::string range = RangeText(field);
    out += "<tr><td><code>" + Escaped(field.name) + "</code></td><td>" +
           std::string(FieldTypeName(field.type)) + (range.empty() ? "" : ", " + range) +
           "</td><td>" + std::string(UseOf(field.use)) + Escaped(field.meaning) + "</td></tr>";
  }
  return out + "</table>";
}

constexpr const char* kHead =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>ingle: the "
    "API</title><style>"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "td{padding:.2rem .8rem .2rem 0;vertical-align:top;border-bottom:1px solid "
    "#ddd}</style></head><body>"
    "<h1>The API</h1><p>OpenAI's clients work unchanged with the base URL of this server and /v1. "
    "Unknown fields are "
    "ignored and named in <code>warnings</code> at the top level of the reply (in a stream: on the "
    "chunk with the "
    "finish_reason); wrong types and ranges are refused with 400 and <code>param</code>. Nulls "
    "count as absent. The "
    "effective <code>seed</code> is in every reply: the same request with that seed gives the same "
    "answer.</p>"
    "<p>Other endpoints: GET /v1/models, /v1/models/{id}, /health, /livez, /readyz, /metrics.</p>";

}  // namespace

std::string DocsPage() {
  return std::string(kHead) + Table("POST /v1/chat/completions", ChatCompletionFields()) +
         Table("POST /v1/completions", CompletionFields()) +
         Table("POST /v1/generate", GenerateFields()) +
         Table("sampling_params of /v1/generate", SamplingParamsFields()) + "</body></html>\n";
}

}  // namespace ingle
