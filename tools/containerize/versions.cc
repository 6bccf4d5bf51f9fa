#include "tools/containerize/versions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <string>
#include <vector>

namespace casemate::containerize {

namespace {

using Numbers = std::vector<int>;

Numbers Parse(std::string_view text) {
  Numbers numbers;
  while (!text.empty() && numbers.size() < 3 &&
         std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
    int number = 0;
    while (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
      number = number < 100'000'000 ? number * 10 + (text[0] - '0') : number;
      text.remove_prefix(1);
    }
    numbers.push_back(number);
    if (text.empty() || text[0] != '.') {
      break;
    }
    text.remove_prefix(1);
  }
  return numbers;
}

int Compare(const Numbers& left, const Numbers& right, int fill) {
  for (std::size_t i = 0; i < 3; ++i) {
    const int a = i < left.size() ? left[i] : fill;
    const int b = i < right.size() ? right[i] : 0;
    if (a != b) {
      return a < b ? -1 : 1;
    }
  }
  return 0;
}

// The newest and the oldest version that a candidate stands for, against a bound.
bool AtLeast(const Numbers& candidate, const Numbers& bound) {
  return Compare(candidate, bound, INT_MAX) >= 0;
}
bool Below(const Numbers& candidate, const Numbers& bound) {
  return Compare(candidate, bound, 0) < 0;
}
bool SharesPrefix(const Numbers& candidate, const Numbers& wanted) {
  const std::size_t common = std::min(candidate.size(), wanted.size());
  return std::equal(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(common),
                    candidate.begin());
}

// `^1.2` and Poetry's: up to the next change of the first number that is not 0.
Numbers CaretEnd(const Numbers& from) {
  Numbers end = from;
  for (std::size_t i = 0; i < end.size(); ++i) {
    if (end[i] != 0 || i + 1 == end.size()) {
      end.resize(i + 1);
      ++end[i];
      break;
    }
  }
  return end;
}

// `~> 3.1`, `~=3.10`: the last number may grow.
Numbers CompatibleEnd(Numbers from) {
  if (from.size() > 1) {
    from.pop_back();
  }
  ++from.back();
  return from;
}

bool MeetsTerm(std::string_view term, const Numbers& candidate) {
  constexpr std::array<std::string_view, 10> kOperators = {
      "~>", "~=", ">=", "<=", "==", "!=", "^", "~", ">", "<"};
  std::string_view op;
  for (const std::string_view known : kOperators) {
    if (term.starts_with(known)) {
      op = known;
      break;
    }
  }
  term.remove_prefix(op.size());
  while (!term.empty() && (term[0] == ' ' || term[0] == '=' || term[0] == 'v')) {
    term.remove_prefix(1);
  }
  if (term == "*" || term == "x" || term.starts_with("latest")) {
    return true;
  }
  const Numbers wanted = Parse(term);
  if (wanted.empty()) {
    return false;
  }
  if (op == ">=" || op == ">") {
    return AtLeast(candidate, wanted);
  }
  if (op == "<") {
    return Below(candidate, wanted);
  }
  if (op == "<=") {
    return !AtLeast(candidate, wanted) || SharesPrefix(candidate, wanted);
  }
  if (op == "!=") {
    return candidate != wanted;
  }
  if (op == "^") {
    return AtLeast(candidate, wanted) && Below(candidate, CaretEnd(wanted));
  }
  if (op == "~>" || op == "~=") {
    return AtLeast(candidate, wanted) && Below(candidate, CompatibleEnd(wanted));
  }
  if (op == "~") {
    const Numbers kept(
        wanted.begin(),
        wanted.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, wanted.size())));
    return SharesPrefix(candidate, kept);
  }
  return SharesPrefix(candidate, wanted);
}

// Terms that all must be met, parted by blanks or commas; an operator may stand apart from what it
// is of, and "1 - 2" is a range.
std::vector<std::string> TermsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (c != ' ' && c != ',' && c != '\t') {
      word += c;
      continue;
    }
    if (word.empty()) {
      continue;
    }
    const bool is_range = words.size() >= 2 && words.back() == "-";
    const bool is_bare =
        !words.empty() && words.back().find_first_not_of("<>=!~^") == std::string::npos;
    if (is_range) {
      words.pop_back();
      words.back() = ">=" + words.back();
      words.push_back("<=" + word);
    } else if (is_bare && !words.back().empty()) {
      words.back() += word;
    } else {
      words.push_back(word);
    }
    word.clear();
  }
  return words;
}

bool IsExact(std::string_view text) {
  const Numbers numbers = Parse(text);
  return !numbers.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         !text.ends_with('.') && std::count(text.begin(), text.end(), '.') <= 2;
}

}  // namespace

bool Meets(std::string_view requirement, std::string_view candidate) {
  const Numbers numbers = Parse(candidate);
  std::string rest(requirement);
  while (true) {
    const std::size_t bar = rest.find('|');
    const std::vector<std::string> terms = TermsOf(rest.substr(0, bar));
    if (!terms.empty() && std::all_of(terms.begin(), terms.end(), [&](const std::string& term) {
          return MeetsTerm(term, numbers);
        })) {
      return true;
    }
    if (bar == std::string::npos) {
      return false;
    }
    rest.erase(0, rest.find_first_not_of('|', bar));
    if (rest.empty()) {
      return false;
    }
  }
}

std::string ChooseVersion(std::string_view requirement,
                          std::span<const std::string_view> candidates) {
  std::string_view exact = requirement;
  while (!exact.empty() && (exact[0] == '=' || exact[0] == 'v' || exact[0] == ' ')) {
    exact.remove_prefix(1);
  }
  if (IsExact(exact)) {
    return std::string(exact);
  }
  for (const std::string_view candidate : candidates) {
    if (Meets(requirement, candidate)) {
      return std::string(candidate);
    }
  }
  return {};
}

std::string NumbersOf(std::string_view text, std::size_t most) {
  const std::size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) {
    return {};
  }
  std::string joined;
  const Numbers numbers = Parse(text.substr(begin));
  for (std::size_t i = 0; i < std::min(most, numbers.size()); ++i) {
    joined += (i == 0 ? "" : ".") + std::to_string(numbers[i]);
  }
  return joined;
}

int CompareVersions(std::string_view left, std::string_view right) {
  return Compare(Parse(left), Parse(right), 0);
}

}  // namespace casemate::containerize
