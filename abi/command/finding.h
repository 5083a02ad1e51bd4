// What was found, and what it was found in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kingsnake {

enum class Severity : uint8_t { Error, Warning, Note };

enum class Rule : uint8_t {
#define RULE(ID, NAME, SEVERITY, TITLE, WHY, MEND) ID,
#include "rules.def"
#undef RULE
};

struct RuleText {
  const char* name;
  Severity severity;
  const char* title;
  const char* why;
  const char* mend;
};
const RuleText& text_of(Rule rule);
size_t rule_count();
const char* severity_name(Severity severity);

struct Finding {
  Rule rule;
  Severity severity;
  std::string where;    // a file within the input; empty: the input itself
  std::string name;     // the symbol, struct or tag that it is about; may be empty
  std::string message;  // one sentence with the facts
};

struct Fact {
  std::string key, value;
};

// One file of the command line, or one that was found in a folder.
struct Result {
  std::string path;
  std::string kind;             // library, wheel, module, program, distribution
  bool skipped = false;         // found in a folder, and not what its name says (linker scripts): not reported
  std::string error;            // why it could not be judged; empty: it could
  std::vector<Fact> facts;
  std::vector<Finding> findings;

  void add(Rule rule, std::string where, std::string name, std::string message) {
    findings.push_back({rule, text_of(rule).severity, std::move(where), std::move(name), std::move(message)});
  }
  void add(Rule rule, Severity severity, std::string where, std::string name, std::string message) {
    findings.push_back({rule, severity, std::move(where), std::move(name), std::move(message)});
  }
  void fact(std::string key, std::string value) { facts.push_back({std::move(key), std::move(value)}); }
  size_t count(Severity severity) const {
    size_t n = 0;
    for (const Finding& one : findings) n += one.severity == severity;
    return n;
  }
  bool conforming() const { return error.empty() && count(Severity::Error) == 0; }
};

enum class Output : uint8_t { Text, Json, Sarif };

struct Style {
  Output output = Output::Text;
  bool colour = false;
  bool verbose = false;   // every name, not the first few of each kind
  bool quiet = false;     // verdicts only
};

// The whole report; returns the exit status: 0 all conform, 1 some do not, 2 some could not be judged.
int report(const std::vector<Result>& results, const Style& style, std::string_view command);

}  // namespace kingsnake
