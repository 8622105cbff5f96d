#include "server/start_page.h"

namespace ingle {
namespace {

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 "
    "1rem;color:#222;"
    "background:#fff}pre{background:#f3f3f0;padding:1rem;overflow:auto;border-radius:6px}code{font-"
    "size:14px}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#262626}a{"
    "color:#8bf}}";

}  // namespace

std::string StartPage(const std::string& model_id, const GatewayStatus& status,
                      const std::string& base_url) {
  const std::string model = Escaped(model_id), url = Escaped(base_url);
  std::string about = "Model <b>" + model + "</b>: " + std::string(ModelStateName(status.state));
  if (status.model)
    about += " &middot; " + Escaped(status.model->architecture) + " &middot; context of " +
             std::to_string(status.model->context) + " tokens &middot; " +
             Escaped(status.model->arithmetic_class);
  return "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>ingle</title>"
         "<meta name=\"viewport\" content=\"width=device-width\"><style>" +
         std::string(kStyle) + "</style></head><body><h1>ingle</h1><p>" + about +
         "</p><h2>Ask it something</h2><pre><code>curl -N " + url +
         "/v1/chat/completions \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"messages\": "
         "[{\"role\": "
         "\"user\", \"content\": \"Hello!\"}], \"stream\": true}'</code></pre>"
         "<h2>From Python</h2><pre><code>from openai import OpenAI\nclient = OpenAI(base_url=\"" +
         url + "/v1\", api_key=\"none\")\nanswer = client.chat.completions.create(model=\"" +
         model +
         "\",\n    messages=[{\"role\": \"user\", \"content\": "
         "\"Hello!\"}])\nprint(answer.choices[0].message.content)"
         "</code></pre><h2>More</h2><ul><li><a href=\"/v1/models\">/v1/models</a></li>"
         "<li><a href=\"/health\">/health</a></li><li><a href=\"/metrics\">/metrics</a></li>"
         "<li><a href=\"/docs\">/docs</a>: every endpoint and field</li></ul></body></html>\n";
}

}  // namespace ingle
