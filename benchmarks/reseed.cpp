// The usual way to look for a seed: a library's generator is seeded anew with every candidate, and
// its outputs are looked through for the observed ones, in order, as far as a depth allows.
// untwister works so, with a depth of 1000 and no early exit (github.com/altf4/untwister,
// Untwister.cpp); this is the same procedure in our own words, over remainders as well.
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

namespace {

struct Asked {
    const std::uint32_t *draws;
    unsigned count, modulus, depth;
};

void look(Asked asked, std::uint64_t first, std::uint64_t last, std::uint64_t *found) {
    std::mt19937 generator;
    for (std::uint64_t seed = first; seed < last; ++seed) {
        generator.seed(static_cast<std::uint32_t>(seed));
        unsigned matched = 0;
        for (unsigned drawn = 0; drawn < asked.depth && matched < asked.count; ++drawn)
            matched += generator() % asked.modulus == asked.draws[matched];
        if (matched == asked.count) *found = seed;
    }
}

}  // namespace

// Returns the last seed of [first, first + count) whose stream holds the draws, or UINT64_MAX.
extern "C" std::uint64_t reseed_mt19937(const std::uint32_t *draws, unsigned count,
                                        unsigned modulus, unsigned depth, std::uint64_t first,
                                        std::uint64_t seeds) {
    const unsigned workers = std::max(1u, std::thread::hardware_concurrency());
    const Asked asked{draws, count, modulus, depth};
    std::vector<std::uint64_t> found(workers, UINT64_MAX);
    std::vector<std::thread> pool;
    for (unsigned worker = 0; worker < workers; ++worker)
        pool.emplace_back(look, asked, first + seeds * worker / workers,
                          first + seeds * (worker + 1) / workers, &found[worker]);
    for (auto &each : pool) each.join();
    for (std::uint64_t seed : found)
        if (seed != UINT64_MAX) return seed;
    return UINT64_MAX;
}
