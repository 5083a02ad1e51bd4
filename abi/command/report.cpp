// Reports for people, as JSON (abi/report.schema.json) and as SARIF 2.1.0.
#include <cstdint>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "finding.h"

namespace kingsnake {

namespace {
constexpr RuleText kRules[] = {
#define RULE(ID, NAME, SEVERITY, TITLE, WHY, MEND) {NAME, Severity::SEVERITY, TITLE, WHY, MEND},
#include "rules.def"
#undef RULE
};
constexpr const char* kVersion = "0.1";
constexpr size_t kShown = 12;  // names of one kind, unless all are asked for

// Text from files may be anything: control characters would reach the terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  return out;
}

struct Paint {
  bool on;
  std::string operator()(const char* code, std::string_view text) const { return on ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text); }
};

const char* colour_of(Severity severity) { return severity == Severity::Error ? "1;31" : severity == Severity::Warning ? "1;33" : "1;36"; }

void print_group(const std::vector<const Finding*>& group, const Style& style, const Paint& paint) {
  const RuleText& rule = text_of(group[0]->rule);
  const Severity severity = group[0]->severity;
  fmt::print("  {} {}{} {}\n", paint(colour_of(severity), fmt::format("{}:", severity_name(severity))), paint("1", rule.title),
             group.size() > 1 ? fmt::format(" ({} times)", group.size()) : "", paint("2", fmt::format("[{}]", rule.name)));
  const size_t shown = style.verbose ? group.size() : std::min(group.size(), kShown);
  std::string where;
  for (size_t i = 0; i < shown; ++i) {
    if (group[i]->where != where) {
      where = group[i]->where;
      if (!where.empty()) fmt::print("    {}\n", paint("4", printable(where)));
    }
    fmt::print("    - {}\n", printable(group[i]->message));
  }
  if (shown < group.size()) fmt::print("    … and {} more (--verbose shows all)\n", group.size() - shown);
  fmt::print("    {} {}\n    {} {}\n", paint("2", "why: "), rule.why, paint("2", "mend:"), rule.mend);
}

void print_text(const std::vector<Result>& results, const Style& style) {
  const Paint paint{style.colour};
  for (const Result& result : results) {
    const std::string verdict = !result.error.empty() ? paint("1;35", "could not be judged")
                                : result.conforming() ? paint("1;32", "conforming")
                                                      : paint("1;31", "not conforming");
    fmt::print("{}: {}{}\n", paint("1", printable(result.path)), verdict, result.kind.empty() ? "" : fmt::format(" ({})", result.kind));
    if (!result.error.empty()) fmt::print("  {} {}\n", paint("1;35", "reason:"), printable(result.error));
    if (style.quiet) continue;
    for (const Fact& fact : result.facts) fmt::print("  {:<16} {}\n", fact.key, printable(fact.value));
    for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Note}) {
      std::map<Rule, std::vector<const Finding*>> groups;
      for (const Finding& one : result.findings)
        if (one.severity == severity) groups[one.rule].push_back(&one);
      for (const auto& [rule, group] : groups) print_group(group, style, paint);
    }
  }
}

using Json = nlohmann::ordered_json;

std::string dump(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace); }

void print_json(const std::vector<Result>& results, std::string_view command, int status) {
  Json inputs = Json::array();
  for (const Result& result : results) {
    Json facts = Json::object();
    for (const Fact& fact : result.facts) facts[fact.key] = fact.value;
    Json findings = Json::array();
    for (const Finding& one : result.findings) {
      const RuleText& rule = text_of(one.rule);
      Json row = {{"rule", rule.name}, {"severity", severity_name(one.severity)}, {"title", rule.title}, {"message", one.message}, {"why", rule.why}, {"mend", rule.mend}};
      if (!one.where.empty()) row["where"] = one.where;
      if (!one.name.empty()) row["name"] = one.name;
      findings.push_back(std::move(row));
    }
    Json row = {{"path", result.path}, {"kind", result.kind}, {"verdict", !result.error.empty() ? "error" : result.conforming() ? "conforming" : "not conforming"}};
    if (!result.error.empty()) row["error"] = result.error;
    row["facts"] = std::move(facts);
    row["findings"] = std::move(findings);
    inputs.push_back(std::move(row));
  }
  const Json whole = {{"tool", "kingsnake abi"}, {"version", kVersion}, {"command", std::string(command)}, {"status", status}, {"inputs", std::move(inputs)}};
  fmt::print("{}\n", dump(whole));
}

void print_sarif(const std::vector<Result>& results, int status) {
  auto level = [](Severity severity) { return severity_name(severity); };
  Json rules = Json::array();
  for (const RuleText& rule : kRules)
    rules.push_back({{"id", rule.name}, {"shortDescription", {{"text", rule.title}}}, {"fullDescription", {{"text", rule.why}}}, {"help", {{"text", rule.mend}}},
                     {"defaultConfiguration", {{"level", level(rule.severity)}}}});
  Json rows = Json::array(), notices = Json::array();
  for (const Result& result : results) {
    Json artifact = {{"artifactLocation", {{"uri", result.path}}}};
    if (!result.error.empty()) notices.push_back({{"level", "error"}, {"message", {{"text", result.path + ": " + result.error}}}});
    for (const Finding& one : result.findings) {
      Json location = {{"physicalLocation", artifact}};
      if (!one.where.empty() || !one.name.empty())
        location["logicalLocations"] = Json::array({{{"fullyQualifiedName", one.where.empty() ? one.name : one.name.empty() ? one.where : one.where + "!" + one.name}}});
      rows.push_back({{"ruleId", text_of(one.rule).name}, {"ruleIndex", static_cast<int>(one.rule)}, {"level", level(one.severity)},
                      {"message", {{"text", one.message}}}, {"locations", Json::array({location})}});
    }
  }
  const Json whole = {{"version", "2.1.0"},
                      {"runs", Json::array({{{"tool", {{"driver", {{"name", "kingsnake abi"}, {"version", kVersion}, {"rules", rules}}}}},
                                            {"invocations", Json::array({{{"executionSuccessful", status != 2}, {"toolExecutionNotifications", notices}}})},
                                            {"results", rows}}})}};
  fmt::print("{}\n", dump(whole));
}

}  // namespace

const RuleText& text_of(Rule rule) { return kRules[static_cast<size_t>(rule)]; }
size_t rule_count() { return std::size(kRules); }
const char* severity_name(Severity severity) { return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "note"; }

int report(const std::vector<Result>& results, const Style& style, std::string_view command) {
  int status = 0;
  size_t good = 0, bad = 0, unread = 0;
  for (const Result& result : results) {
    if (!result.error.empty()) status = 2, ++unread;
    else if (!result.conforming()) status = std::max(status, 1), ++bad;
    else ++good;
  }
  switch (style.output) {
    case Output::Text:
      print_text(results, style);
      if (results.size() > 1) fmt::print("{} conforming, {} not conforming, {} could not be judged\n", good, bad, unread);
      break;
    case Output::Json: print_json(results, command, status); break;
    case Output::Sarif: print_sarif(results, status); break;
  }
  fflush(stdout);
  return status;
}

}  // namespace kingsnake
