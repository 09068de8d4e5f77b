//! Laws of teams: devices that run one model together keep their books, wait for each other, and fill a pipeline.

use memwall_hardware::{CommunicationLibrary, Device, SoftwareProfile, System, catalog};
use memwall_model_graph::{
    Architecture, BuildOptions, Dtype, Graph, Parallel, Precision, Step, StepPhase, build_rank_step,
    catalog as models,
};
use memwall_simulator::{
    Cause, Fidelity, Options, Record, Simulation, SimulationError, Team, TeamRecord, TeamSetup, step_memory,
};
use memwall_units::Picos;
use proptest::prelude::*;

struct Machine {
    device: Device,
    software: SoftwareProfile,
    system: System,
    library: CommunicationLibrary,
}

/// Eight nodes of eight H100.
fn machine(software: &str) -> Machine {
    Machine {
        device: catalog::device("h100-sxm").expect("the catalog has it"),
        software: catalog::software(software).expect("the catalog has it"),
        system: catalog::system("hgx-h100-ib")
            .expect("the catalog has it")
            .with_nodes(8)
            .expect("rails have room for eight"),
        library: catalog::communication("nccl").expect("the catalog has it"),
    }
}

impl Machine {
    fn setup<'a>(&'a self, parallel: Parallel, slow: &'a [(u32, f64)], options: Options) -> TeamSetup<'a> {
        TeamSetup {
            device: &self.device,
            software: &self.software,
            fabric: self.system.fabric(),
            library: &self.library,
            parallel,
            slow,
            options,
            plans_of: None,
        }
    }

    fn team<'a>(&'a self, parallel: Parallel, slow: &'a [(u32, f64)]) -> Team<'a> {
        Team::new(self.setup(parallel, slow, Options::default())).expect("a sound machine")
    }

    /// The team after these steps of a model.
    fn after<'a>(
        &'a self,
        architecture: &Architecture,
        parallel: Parallel,
        slow: &'a [(u32, f64)],
        steps: &[Step],
    ) -> Team<'a> {
        let mut team = self.team(parallel, slow);
        for step in steps {
            let graphs = graphs(architecture, step, &parallel);
            let graphs: Vec<&Graph> = graphs.iter().collect();
            team.step(&graphs, step.phase.name(), step.tokens()).expect("it runs");
        }
        team
    }
}

fn llama() -> Architecture {
    models::find("llama-3-8b").expect("the catalog has it")
}

fn prefill(batch: u64, length: u64) -> Step {
    Step { phase: StepPhase::Prefill, batch, q_len: length, kv_len: length, prompt_len: length }
}

fn decode(batch: u64, length: u64) -> Step {
    Step { phase: StepPhase::Decode, batch, q_len: 1, kv_len: length, prompt_len: length }
}

fn graphs(architecture: &Architecture, step: &Step, parallel: &Parallel) -> Vec<Graph> {
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    (0..parallel.pipeline)
        .map(|stage| {
            build_rank_step(architecture, step, &options, parallel, stage).expect("it can be divided")
        })
        .collect()
}

fn of_team(record: &Record) -> &TeamRecord {
    record.team.as_ref().expect("a team ran")
}

/// What an engine of the first kind waited for `cause`, in picoseconds of all its units.
fn waited(record: &Record, cause: Cause) -> u64 {
    let stalls = record.engines[0].stalls.iter().filter(|stall| stall.cause == cause);
    (stalls.map(|stall| stall.ps).sum::<u128>() / u128::from(record.engines[0].units)) as u64
}

fn books_close(record: &Record) {
    for engine in &record.engines {
        let booked = engine.busy + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        assert_eq!(booked, u128::from(engine.units) * u128::from(record.wall.0), "{}", engine.name);
    }
    let units = u128::from(record.engines[0].units);
    for operator in &record.operators {
        let booked = operator.busy + operator.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        assert_eq!(booked, units * u128::from(operator.time.0), "{}", operator.label);
    }
}

fn ways_to_divide() -> impl Strategy<Value = Parallel> {
    let sizes = || prop::sample::select(vec![1_u32, 2, 4]);
    (sizes(), sizes(), 1_u32..3, 1_u32..3, 0_u32..3, any::<bool>()).prop_map(
        |(tensor, pipeline, data, context, micro_batches, sequence)| Parallel {
            tensor,
            pipeline,
            data,
            context,
            micro_batches: 1 << micro_batches,
            sequence: sequence && tensor > 1,
            ..Parallel::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Units x wall = busy + stalls, in integers, for every engine of every rank of every stage, however the model is
    /// divided and whoever is slow; and each rank is there from the first to the last picosecond.
    #[test]
    fn the_books_of_every_rank_close(
        parallel in ways_to_divide(), slow in prop::collection::vec((0_u32..8, 0.3..1.0_f64), 0..3),
        software in prop::sample::select(vec!["tensorrt-llm", "torch-eager", "torch-graph"]),
    ) {
        let machine = machine(software);
        let slow: Vec<(u32, f64)> =
            slow.into_iter().filter(|(rank, _)| u64::from(*rank) < parallel.ranks()).collect();
        let steps = [prefill(8, 256), decode(8, 257), decode(8, 258)];
        let team = || machine.after(&llama(), parallel, &slow, &steps);
        let each = team().finish_each();
        prop_assert!(each.len() >= parallel.pipeline as usize);
        let record = team().finish();
        books_close(&record);
        for rank in &each {
            books_close(rank);
            prop_assert_eq!(rank.wall, record.wall);
        }
        let team = of_team(&record);
        prop_assert_eq!(team.simulated, each.len() as u64);
        prop_assert_eq!(team.stages.len(), parallel.pipeline as usize);
        for stage in &team.stages {
            let all = stage.running.0 + stage.communication.0 + stage.bubble.0;
            prop_assert_eq!(all, record.wall.0, "stage {}", stage.stage);
        }
        for one in &team.communication {
            prop_assert!(one.exposed <= one.time, "{one:?}");
            prop_assert!(one.waiting == Picos::ZERO || !slow.is_empty(), "{one:?}");
        }
    }
}

/// What a stage says it waited for collectives is what the ledger of its rank says, and what its collectives say.
#[test]
fn exposed_communication_is_in_every_book_the_same() {
    let machine = machine("tensorrt-llm");
    let parallel = Parallel { tensor: 4, ..Parallel::default() };
    for slow in [&[][..], &[(1, 0.7)]] {
        let record = machine.after(&llama(), parallel, slow, &[prefill(4, 512), decode(4, 513)]).finish();
        let team = of_team(&record);
        let kept: u64 = team.communication.iter().map(|one| one.exposed.0 + one.waiting.0).sum();
        assert_eq!(team.stages[0].communication.0, kept);
        assert_eq!(waited(&record, Cause::Communication), kept);
        let of_operators: u64 = record
            .operators
            .iter()
            .filter(|operator| team.communication.iter().any(|one| one.label == operator.label))
            .map(|operator| operator.time.0)
            .sum();
        assert_eq!(of_operators, kept);
        // An all-reduce whose result comes next is all exposed.
        let time: u64 = team.communication.iter().map(|one| one.time.0).sum();
        let exposed: u64 = team.communication.iter().map(|one| one.exposed.0).sum();
        assert!(time > 0 && exposed == time, "{exposed} of {time}");
    }
}

/// A team of one is a simulation of one device, to the last picosecond, for every way to launch and every fidelity.
#[test]
fn a_team_of_one_is_a_simulation() {
    let steps = [prefill(2, 128), decode(2, 129), decode(2, 130)];
    for software in ["tensorrt-llm", "torch-eager", "torch-graph"] {
        let machine = machine(software);
        for fidelity in [Fidelity::Bound, Fidelity::Flow] {
            let options = Options { fidelity, timeline: true, ..Options::default() };
            let mut team =
                Team::new(machine.setup(Parallel::default(), &[], options)).expect("a sound machine");
            let mut alone =
                Simulation::new(&machine.device, &machine.software, options).expect("a sound machine");
            for step in &steps {
                let graphs = graphs(&llama(), step, &Parallel::default());
                team.step(&[&graphs[0]], step.phase.name(), step.tokens()).expect("it runs");
                alone.step(&graphs[0], step.phase.name(), step.tokens()).expect("it runs");
            }
            let (mut team, alone) = (team.finish(), alone.finish());
            let part = team.team.take().expect("a team ran");
            assert_eq!((part.ranks, part.simulated, part.communication.len()), (1, 1, 0));
            assert_eq!(part.stages[0].running, alone.wall);
            assert_eq!(team, alone, "{software} at {}", fidelity.name());
        }
    }
}

/// Equal ranks are one; one that is slow is simulated beside it.
#[test]
fn only_ranks_that_differ_are_simulated() {
    let machine = machine("tensorrt-llm");
    let parallel = Parallel { tensor: 8, ..Parallel::default() };
    for (slow, simulated) in
        [(&[][..], 1), (&[(3, 0.5)], 2), (&[(3, 0.5), (4, 0.5)], 2), (&[(3, 0.5), (4, 0.6)], 3)]
    {
        let record = machine.after(&llama(), parallel, slow, &[decode(1, 64)]).finish();
        assert_eq!((of_team(&record).ranks, of_team(&record).simulated), (8, simulated), "{slow:?}");
    }
}

/// The others wait for a slow rank, and all take as long as if each were as slow.
#[test]
fn a_slow_rank_keeps_the_others_waiting() {
    let machine = machine("tensorrt-llm");
    let parallel = Parallel { tensor: 2, ..Parallel::default() };
    let steps = [prefill(1, 1024), decode(1, 1025)];
    let run = |slow: &[(u32, f64)]| machine.after(&llama(), parallel, slow, &steps).finish();
    let (fast, mixed, slow) = (run(&[]), run(&[(1, 0.5)]), run(&[(0, 0.5), (1, 0.5)]));
    assert_eq!(mixed.wall, slow.wall);
    assert_eq!(mixed.phases, slow.phases);
    assert!(mixed.wall > fast.wall);
    let waiting =
        |record: &Record| of_team(record).communication.iter().map(|one| one.waiting.0).sum::<u64>();
    assert_eq!((waiting(&fast), waiting(&slow)), (0, 0));
    // It waits for what the other takes longer, but for what comes after the last collective.
    let longer = mixed.wall.0 - fast.wall.0;
    let own = of_team(&mixed).stages[0].bubble.0 + waiting(&mixed);
    assert!(waiting(&mixed) > longer / 2 && own.abs_diff(longer) <= longer / 1000, "{own} of {longer}");
    // The slow rank itself books what it lacks as speed, and waits for nobody.
    assert!(waited(&slow, Cause::Power) >= longer - longer / 1000);
    let each = machine.after(&llama(), parallel, &[(1, 0.5)], &steps).finish_each();
    assert!(waited(&each[0], Cause::Communication) > waited(&each[1], Cause::Communication));
    assert_eq!(waited(&each[1], Cause::Power), waited(&slow, Cause::Power));
}

/// The slower a rank, the longer all take.
#[test]
fn time_grows_with_slowness() {
    let machine = machine("tensorrt-llm");
    let parallel = Parallel { tensor: 4, ..Parallel::default() };
    let wall = |pace: f64| machine.after(&llama(), parallel, &[(2, pace)], &[prefill(1, 512)]).finish().wall;
    let walls: Vec<Picos> = [1.0, 0.9, 0.7, 0.5, 0.2].map(wall).to_vec();
    assert!(walls.windows(2).all(|pair| pair[0] < pair[1]), "{walls:?}");
    assert_eq!(walls[0], machine.after(&llama(), parallel, &[], &[prefill(1, 512)]).finish().wall);
}

/// Equal stages that hand on for nothing: m micro-batches through p stages take (m + p - 1) / m of the ideal.
#[test]
fn the_bubble_of_a_pipeline_is_its_closed_form() {
    let machine = machine("torch-graph");
    let graph = graphs(&llama(), &prefill(1, 2048), &Parallel::default()).remove(0);
    for fidelity in [Fidelity::Bound, Fidelity::Flow] {
        let options = Options { fidelity, ..Options::default() };
        // One pass, when the caches are as one before it left them.
        let mut alone =
            Simulation::new(&machine.device, &machine.software, options).expect("a sound machine");
        for _ in 0..3 {
            alone.step(&graph, "prefill", 2048).expect("it runs");
        }
        let pass = alone.finish().phases[0].last_step.as_secs_f64();
        for (pipeline, micro_batches) in [(1, 5), (2, 1), (4, 1), (4, 8), (8, 3)] {
            let parallel = Parallel { pipeline, micro_batches, ..Parallel::default() };
            let mut team = Team::new(machine.setup(parallel, &[], options)).expect("a sound machine");
            team.step(&vec![&graph; pipeline as usize], "prefill", 2048).expect("it runs");
            let record = team.finish();
            let (m, p) = (f64::from(micro_batches), f64::from(pipeline));
            let expected = (m + p - 1.0) / m * (m * pass);
            let found = record.phases[0].time.as_secs_f64();
            // First passes find cold caches, and a graph is launched meanwhile.
            assert!((found / expected - 1.0).abs() < 0.005, "m {m}, p {p}: {found} s for {expected} s");
            for stage in &of_team(&record).stages {
                let bubble = stage.bubble.as_secs_f64() / record.wall.as_secs_f64();
                assert!((bubble - (p - 1.0) / (m + p - 1.0)).abs() < 0.005, "m {m}, p {p}: {stage:?}");
            }
        }
    }
}

/// Decoding through a pipeline, a micro-batch's next token waits for its last: more of them fill the stages.
#[test]
fn micro_batches_fill_a_pipeline_that_decodes() {
    let machine = machine("torch-graph");
    let tokens_per_second = |micro_batches| {
        let parallel = Parallel { pipeline: 4, micro_batches, ..Parallel::default() };
        let steps = [1000, 1001, 1002].map(|length| decode(8 * u64::from(micro_batches), length));
        let record = machine.after(&llama(), parallel, &[], &steps).finish();
        f64::from(micro_batches) / record.phases[0].time.as_secs_f64()
    };
    let gain = tokens_per_second(4) / tokens_per_second(1);
    assert!(gain > 2.5 && gain <= 4.0, "{gain}");
}

/// All micro-batches' caches are in memory at once.
#[test]
fn memory_holds_the_caches_of_all_micro_batches() {
    let machine = machine("tensorrt-llm");
    let step = decode(64, 4096);
    let parallel = |micro_batches| Parallel { pipeline: 2, micro_batches, ..Parallel::default() };
    let of_stage = step_memory(&graphs(&llama(), &step, &parallel(1))[0]);
    let capacity = machine.device.memory().expect("it has one").capacity.value.0;
    let room = (capacity - of_stage.weights - of_stage.activations) / of_stage.kv_cache;
    assert!((2..64).contains(&room), "{room}");
    let try_it = |micro_batches| {
        let graphs = graphs(&llama(), &step, &parallel(1));
        machine.team(parallel(micro_batches as u32), &[]).step(&[&graphs[0], &graphs[1]], "decode", 1)
    };
    try_it(room - 1).expect("they fit");
    let error = try_it(room + 1).expect_err("they do not fit");
    let SimulationError::Capacity { needed, .. } = &error else { panic!("{error:?}") };
    assert!(needed.0 >= (room + 1) * of_stage.kv_cache, "{error}");
}

#[test]
fn more_ranks_than_devices_are_refused() {
    let machine = machine("tensorrt-llm");
    for (tensor, pipeline) in [(65, 1), (8, 9), (u32::MAX, u32::MAX)] {
        let parallel = Parallel { tensor, pipeline, ..Parallel::default() };
        let error = Team::new(machine.setup(parallel, &[], Options::default())).expect_err("there are 64");
        let message = error.to_string();
        assert!(message.contains("ranks need as many devices, and the machine has 64"), "{message}");
    }
}

/// Sharing a layer's matrices over more devices takes less time for each but communicates: never less than a share.
#[test]
fn tensor_parallelism_gains_less_than_its_ranks() {
    let machine = machine("tensorrt-llm");
    let wall = |tensor| {
        let parallel = Parallel { tensor, ..Parallel::default() };
        machine.after(&llama(), parallel, &[], &[prefill(4, 2048)]).finish().wall.as_secs_f64()
    };
    let one = wall(1);
    for tensor in [2, 4, 8] {
        let gain = one / wall(tensor);
        assert!(gain > 1.0 && gain < f64::from(tensor), "{tensor} ranks: {gain}");
    }
}

/// A shared expert works while what the others made is gathered: that part is hidden, and what is exposed and what is
/// hidden is all there is.
#[test]
fn a_shared_expert_hides_some_of_a_gather() {
    let machine = machine("tensorrt-llm");
    let deepseek = models::find("deepseek-v3").expect("the catalog has it");
    let parallel = Parallel { tensor: 2, data: 32, expert: 64, ..Parallel::default() };
    let record = machine.after(&deepseek, parallel, &[], &[decode(32 * 64, 1024)]).finish();
    books_close(&record);
    let team = of_team(&record);
    for one in &team.communication {
        assert!(one.time > Picos::ZERO && one.exposed <= one.time, "{one:?}");
    }
    let hidden: Vec<_> = team.communication.iter().filter(|one| one.exposed < one.time).collect();
    assert_eq!(hidden.iter().map(|one| one.kind).collect::<Vec<_>>(), ["all_gather"], "{team:?}");
    // What was exposed is all that the rank waited; that the gather took cores and memory bandwidth comes on top.
    let kept: u64 = team.communication.iter().map(|one| one.exposed.0).sum();
    assert_eq!(team.stages[0].communication.0, kept);
    assert!(waited(&record, Cause::Communication) > kept);
}
