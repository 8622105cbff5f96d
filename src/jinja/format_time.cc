// strftime of a given moment, in UTC and in English, so that the same request gives the same prompt
// everywhere.

#include <cstdio>
#include <ctime>

#include "jinja/builtins.h"

namespace ingle::jinja {
namespace {

constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

std::string Number(int value, int width, char fill = '0') {
  char text[16];
  std::snprintf(text, sizeof text, fill == '0' ? "%0*d" : "%*d", width, value);
  return text;
}

int IsoWeek(const std::tm& time, int& year) {
  int weekday = (time.tm_wday + 6) % 7;  // Monday is 0.
  year = time.tm_year + 1900;
  auto leap = [](int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  auto weeks = [&](int y) {
    auto p = [](int v) { return (v + v / 4 - v / 100 + v / 400) % 7; };
    return p(y) == 4 || p(y - 1) == 3 ? 53 : 52;
  };
  (void)leap;
  int week = (time.tm_yday - weekday + 10) / 7;
  if (week < 1) return weeks(--year);
  if (week > weeks(year)) {
    year++;
    return 1;
  }
  return week;
}

std::string Field(const std::tm& t, char code, char flag, int64_t unix_s) {
  char fill = flag == '_' ? ' ' : '0';
  int two = flag == '-' ? 1 : 2;
  int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  int iso_year = 0;
  switch (code) {
    case 'a': return std::string(kDays[t.tm_wday]).substr(0, 3);
    case 'A': return kDays[t.tm_wday];
    case 'b':
    case 'h': return std::string(kMonths[t.tm_mon]).substr(0, 3);
    case 'B': return kMonths[t.tm_mon];
    case 'c': return FormatTime(unix_s, "%a %b %e %H:%M:%S %Y");
    case 'C': return Number((t.tm_year + 1900) / 100, 2);
    case 'd': return Number(t.tm_mday, two, fill);
    case 'D':
    case 'x': return FormatTime(unix_s, "%m/%d/%y");
    case 'e': return Number(t.tm_mday, two, flag == '0' ? '0' : ' ');
    case 'f': return "000000";
    case 'F': return FormatTime(unix_s, "%Y-%m-%d");
    case 'G': IsoWeek(t, iso_year); return std::to_string(iso_year);
    case 'H': return Number(t.tm_hour, two, fill);
    case 'I': return Number(hour12, two, fill);
    case 'j': return Number(t.tm_yday + 1, flag == '-' ? 1 : 3, fill);
    case 'k': return Number(t.tm_hour, two, ' ');
    case 'l': return Number(hour12, two, ' ');
    case 'm': return Number(t.tm_mon + 1, two, fill);
    case 'M': return Number(t.tm_min, two, fill);
    case 'n': return "\n";
    case 'p': return t.tm_hour < 12 ? "AM" : "PM";
    case 'P': return t.tm_hour < 12 ? "am" : "pm";
    case 'r': return FormatTime(unix_s, "%I:%M:%S %p");
    case 'R': return FormatTime(unix_s, "%H:%M");
    case 's': return std::to_string(unix_s);
    case 'S': return Number(t.tm_sec, two, fill);
    case 't': return "\t";
    case 'T':
    case 'X': return FormatTime(unix_s, "%H:%M:%S");
    case 'u': return std::to_string(t.tm_wday == 0 ? 7 : t.tm_wday);
    case 'U': return Number((t.tm_yday + 7 - t.tm_wday) / 7, two, fill);
    case 'V': return Number(IsoWeek(t, iso_year), two, fill);
    case 'w': return std::to_string(t.tm_wday);
    case 'W': return Number((t.tm_yday + 7 - (t.tm_wday + 6) % 7) / 7, two, fill);
    case 'y': return Number((t.tm_year + 1900) % 100, two, fill);
    case 'Y': return std::to_string(t.tm_year + 1900);
    case 'z':
    case 'Z': return "";  // A time without a zone, as transformers uses.
    case '%': return "%";
    default: return std::string("%") + code;
  }
}

}  // namespace

std::string FormatTime(int64_t unix_s, std::string_view format) {
  std::time_t seconds = unix_s;
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::string out;
  for (size_t at = 0; at < format.size(); at++) {
    if (format[at] != '%' || at + 1 >= format.size()) {
      out += format[at];
      continue;
    }
    char flag = format[at + 1];
    bool flagged =
        (flag == '-' || flag == '_' || flag == '0' || flag == '^') && at + 2 < format.size();
    at += flagged ? 2 : 1;
    std::string field = Field(time, format[at], flagged ? flag : '\0', unix_s);
    if (flagged && flag == '^')
      for (char& c : field) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    out += field;
  }
  return out;
}

}  // namespace ingle::jinja
