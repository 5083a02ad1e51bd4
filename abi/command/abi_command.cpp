#include "abi_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "file.h"

namespace kingsnake {

namespace {

// Does the work of every index, several at a time; says on a terminal how far it is.
template <class Work>
void each(size_t count, unsigned jobs, bool progress, Work work) {
  std::atomic<size_t> next{0}, done{0};
  std::mutex terminal;
  auto run = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;) {
      work(i);
      const size_t so_far = done.fetch_add(1) + 1;
      if (progress) {
        const std::lock_guard lock(terminal);
        fmt::print(stderr, "\r{} of {} files", so_far, count);
        fflush(stderr);
      }
    }
  };
  if (jobs == 0) jobs = std::max(1u, std::thread::hardware_concurrency());
  jobs = static_cast<unsigned>(std::min<size_t>(jobs, count));
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(run);
  run();
  for (std::thread& one : threads) one.join();
  if (progress) fmt::print(stderr, "\r\033[K");
}

}  // namespace

Style AbiCommand::style() const {
  Style style;
  style.output = json ? Output::Json : sarif ? Output::Sarif : Output::Text;
  style.verbose = verbose;
  style.quiet = quiet;
  const char* plain = getenv("NO_COLOR");
  style.colour = colour == "always" || (colour == "auto" && isatty(STDOUT_FILENO) && !(plain && *plain));
  return style;
}

int AbiCommand::finish(std::vector<Result>& results, const char* command) const {
  if (strict)
    for (Result& result : results)
      for (Finding& one : result.findings)
        if (one.severity == Severity::Warning) one.severity = Severity::Error;
  return report(results, style(), command);
}

int AbiCommand::run_library() const {
  std::vector<Result> results(arguments.size());
  each(arguments.size(), jobs, arguments.size() > 3 && isatty(STDERR_FILENO), [&](size_t i) { results[i] = check_library(arguments[i], library); });
  return finish(results, "lib");
}

int AbiCommand::run_wheel() const {
  WheelOptions options = wheel;
  options.limit = limit_mib << 20;
  MappedFile provider_file;
  std::vector<Image> provider_images;
  Provider provider{options.provider, nullptr};
  if (!options.provider.empty()) {
    std::string reason;
    if (!provider_file.open(options.provider, &reason) || read_images(provider_file.bytes(), false, &provider_images, &reason) != Reading::Fine) {
      fmt::print(stderr, "kingsnake abi wheel: the provider {}: {}\n", options.provider, reason.empty() ? "neither ELF, Mach-O nor PE" : reason);
      return 2;
    }
    provider.image = &provider_images[0];
  }
  std::vector<Input> inputs;
  std::vector<Result> results;
  for (const std::string& argument : arguments) {
    std::string reason;
    if (find_inputs(argument, options, &inputs, &reason)) continue;
    Result& result = results.emplace_back();
    result.path = argument;
    result.error = reason;
  }
  const size_t unread = results.size();
  results.resize(unread + inputs.size());
  each(inputs.size(), jobs, inputs.size() > 3 && isatty(STDERR_FILENO),
       [&](size_t i) { results[unread + i] = check_input(inputs[i], options, provider.image ? &provider : nullptr); });
  std::erase_if(results, [](const Result& one) { return one.skipped; });
  return finish(results, "wheel");
}

int AbiCommand::run_explain() const {
  const Style chosen = style();
  return explain(arguments, libraries, chosen.output, chosen.colour);
}

}  // namespace kingsnake
