// Answers of the engines in <random>. The protocol is described in make.py.

#include <cstdint>
#include <iostream>
#include <random>
#include <string>

namespace {

struct Remainder {
    template <class Engine>
    static std::uint64_t draw(Engine &engine, std::uint64_t modulus)
    {
        return engine() % modulus;
    }
};

struct Uniform {
    template <class Engine>
    static std::uint64_t draw(Engine &engine, std::uint64_t modulus)
    {
        return std::uniform_int_distribution<int>(0, static_cast<int>(modulus - 1))(engine);
    }
};

template <class Engine, class Bounding = Remainder>
void answer_all()
{
    std::uint64_t seed, modulus;
    int skip, count;
    while (std::cin >> seed >> modulus >> skip >> count) {
        Engine engine(static_cast<typename Engine::result_type>(seed));
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                Bounding::draw(engine, modulus);
            std::cout << (i ? " " : "") << Bounding::draw(engine, modulus);
        }
        std::cout << '\n';
    }
}

}  // namespace

int main(int argc, char **argv)
{
    const std::string preset = argc > 1 ? argv[1] : "";
    if (preset == "--version")
        std::cout << "libstdc++ " << __GLIBCXX__ << " of g++ " << __VERSION__ << '\n';
    else if (preset == "cpp_mt19937" || preset == "cpp_mt19937_words")
        answer_all<std::mt19937>();
    else if (preset == "cpp_mt19937_uniform")
        answer_all<std::mt19937, Uniform>();
    else if (preset == "cpp_minstd_rand")
        answer_all<std::minstd_rand>();
    else if (preset == "cpp_minstd_rand0")
        answer_all<std::minstd_rand0>();
    else {
        std::cerr << "unknown preset " << preset << '\n';
        return 1;
    }
    return 0;
}
