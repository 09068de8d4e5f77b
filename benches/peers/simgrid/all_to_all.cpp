// An all-to-all in SimGrid (S4U): every host sends to every other at once, sizes jittered by 10 %, over one
// non-blocking switch: one up-link and one down-link a host. The same flows as `collective all-to-all N` of
// crates/simulator/examples: same capacity, same sizes, no latency, plain max-min sharing.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace s4u = simgrid::s4u;

static constexpr double CAPACITY = 50e9;
static constexpr double PAIR = 1e6;

// Knuth's MMIX generator, as in the example.
static double next_size(std::uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return PAIR * (0.9 + 0.2 * static_cast<double>(state >> 40) / (1 << 24));
}

static double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

int main(int argc, char** argv) {
  s4u::Engine engine(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: all_to_all RANKS\n");
    return 2;
  }
  const int ranks = std::atoi(argv[1]);

  auto* zone = s4u::create_full_zone("switch");
  std::vector<s4u::Host*> hosts;
  std::vector<s4u::Link*> up, down;
  for (int rank = 0; rank < ranks; rank++) {
    const std::string name = std::to_string(rank);
    hosts.push_back(zone->create_host("host-" + name, 1e9)->seal());
    up.push_back(zone->create_link("up-" + name, CAPACITY)->set_latency(0)->seal());
    down.push_back(zone->create_link("down-" + name, CAPACITY)->set_latency(0)->seal());
  }
  for (int from = 0; from < ranks; from++)
    for (int to = 0; to < ranks; to++)
      if (from != to)
        zone->add_route(hosts[from]->get_netpoint(), hosts[to]->get_netpoint(), nullptr, nullptr,
                        {s4u::LinkInRoute(up[from]), s4u::LinkInRoute(down[to])}, false);
  zone->seal();

  // One actor starts every transfer directly between its two hosts, with no mailbox and no actor a rank.
  s4u::Actor::create("starter", hosts[0], [&hosts, ranks] {
    std::uint64_t state = 1;
    std::vector<s4u::CommPtr> flows;
    for (int from = 0; from < ranks; from++)
      for (int to = 0; to < ranks; to++)
        if (from != to)
          flows.push_back(s4u::Comm::sendto_async(hosts[from], hosts[to],
                                                  static_cast<std::uint64_t>(next_size(state) + 0.5)));
    for (const auto& flow : flows)
      flow->wait();
  });

  const double start = cpu_seconds();
  engine.run();
  const double spent = cpu_seconds() - start;
  std::printf("%d flows, done at %.9f s, %.3f CPU s\n", ranks * (ranks - 1), s4u::Engine::get_clock(), spent);
  return 0;
}
