//! An iteration of training: every kind of pass is simulated once and booked as often as it happens, the pipeline says
//! when each happens, and what follows the last backward pass comes at the end.

use memwall_model_graph::{
    CollectiveKind, Dimension, Graph, OpId, OpKind, Pass, PipelineSchedule, TrainingGraph, TrainingModel,
    TrainingPart, TrainingStage,
};
use memwall_units::{Bytes, Picos};

use super::train_memory::MemorySetup;
use super::train_offload::{self, KeptPass};
use super::{Team, train_memory};
use crate::memory_timeline::PartMemory;
use crate::pipeline::{Detail, PartWork, PipelineOrder, PipelineRecord, PipelineWork};
use crate::record::{StageRecord, TeamRecord, TrainingRecord};
use crate::{Cause, PhaseRecord, Record, SimulationError};

/// Micro-batches times parts up to which every pass is kept with its time.
const MOST_INTERVALS: u64 = 100_000;

/// What passes of one part take.
#[derive(Debug, Clone, Copy, Default)]
struct PassTimes {
    forward: Picos,
    backward_input: Picos,
    backward_weight: Picos,
}

/// What one stage takes.
#[derive(Debug, Clone, Default)]
struct StageTimes {
    /// Means over the micro-batches.
    parts: Vec<PassTimes>,
    /// Sums of gradients that outlast the last backward pass.
    tail: Picos,
    /// The update and what belongs to it.
    finish: Picos,
    /// Device memory of copies to and from behind it.
    buffers: u64,
}

impl Team<'_> {
    /// Runs one iteration and ends the run. The record is that of a rank of the stage that worked most.
    ///
    /// # Errors
    /// An operator cannot be mapped, a collective cannot run, the schedule does not go with these numbers, or a limit is
    /// hit.
    pub fn train(mut self, model: &TrainingModel, tokens: u64) -> Result<Record, SimulationError> {
        let schedule = model.training.schedule;
        let split = schedule.kind.splits_backward();
        let mut times: Vec<StageTimes> = Vec::with_capacity(model.stages.len());
        for (index, stage) in model.stages.iter().enumerate() {
            let measured = match times.get(stage.same_as) {
                Some(known) if stage.same_as != index => known.clone(),
                _ => self.measure(index, stage, schedule)?,
            };
            times.push(measured);
        }
        let micro_batches = self.returned.len() as u32;
        let order = PipelineOrder::of(schedule, model.stages.len() as u32, micro_batches)
            .map_err(|error| SimulationError::Schedule(error.to_string()))?;
        for (index, stage) in model.stages.iter().enumerate() {
            if stage.same_as == index {
                self.offload(index, (model, stage), &order, &mut times[index])?;
            } else {
                times[index] = times[stage.same_as].clone();
            }
        }
        let mut work = PipelineWork {
            parts: Vec::new(),
            sender_waits: self.setup.software.training.synchronises && model.stages.len() > 1,
        };
        for (index, (stage, times)) in model.stages.iter().zip(&times).enumerate() {
            for (part, passes) in stage.parts.iter().zip(&times.parts) {
                work.parts.push(self.part_work(index, part, passes, split)?);
            }
        }
        let passes = work.parts.len() as u64 * u64::from(micro_batches);
        let detail = if passes <= MOST_INTERVALS { Detail::Intervals } else { Detail::Totals };
        let pipeline = crate::pipeline::run(&order, &work, detail)
            .map_err(|error| SimulationError::Schedule(error.to_string()))?;
        Ok(self.finish_training(model, &times, pipeline, tokens))
    }

    /// Simulates every kind of pass of a stage.
    fn measure(
        &mut self,
        index: usize,
        stage: &TrainingStage,
        schedule: PipelineSchedule,
    ) -> Result<StageTimes, SimulationError> {
        let micro_batches = self.returned.len() as u64;
        // DualPipe sees half of the micro-batches in each direction.
        let copies = if schedule.kind == memwall_model_graph::ScheduleKind::DualPipe { 2 } else { 1 };
        let each = (micro_batches / copies).max(1);
        // The first finds cold caches, the last may have gradients to sum up; those between are alike.
        let rounds: Vec<(bool, u64)> = match each {
            1 => vec![(true, 1)],
            2 => vec![(false, 1), (true, 1)],
            _ => vec![(false, 1), (false, each - 2), (true, 1)],
        };
        let mut sums = vec![[0_u128; 3]; stage.parts.len()];
        let mut tail = Picos::ZERO;
        for (is_last, weight) in rounds {
            self.stages[index].set_weight(weight);
            let graphs: Vec<&TrainingGraph> =
                stage.parts.iter().map(|part| if is_last { &*part.last } else { &*part.graph }).collect();
            for (part, graph) in graphs.iter().enumerate() {
                self.start_micro_batch(index);
                sums[part][0] += self.pass_times(index, graph, &[Pass::Forward], weight)?;
            }
            for (part, graph) in graphs.iter().enumerate().rev() {
                if schedule.kind.splits_backward() {
                    let input = [Pass::Recompute, Pass::Backward];
                    sums[part][1] += self.pass_times(index, graph, &input, weight)?;
                    sums[part][2] += self.pass_times(index, graph, &[Pass::WeightGradient], weight)?;
                } else {
                    let all = [Pass::Recompute, Pass::Backward, Pass::WeightGradient];
                    sums[part][1] += self.pass_times(index, graph, &all, weight)?;
                }
            }
            let before = self.now(index);
            self.settle_all(index);
            tail = self.now(index).saturating_sub(before);
        }
        self.stages[index].set_weight(1);
        let mean = |sum: u128| Picos(u64::try_from(sum.div_ceil(u128::from(each))).unwrap_or(u64::MAX));
        let parts = sums.iter().map(|[forward, input, weight]| PassTimes {
            forward: mean(*forward),
            backward_input: mean(*input),
            backward_weight: mean(*weight),
        });
        let parts = parts.collect();
        let finish = self.measure_finish(index, &stage.finish)?;
        Ok(StageTimes { parts, tail, finish, buffers: 0 })
    }

    fn now(&self, stage: usize) -> Picos {
        self.stages[stage].ranks.iter().map(|rank| rank.simulation.now()).max().unwrap_or_default()
    }

    /// What the host does for every micro-batch.
    fn start_micro_batch(&mut self, stage: usize) {
        if let Some(time) = &self.setup.software.training.micro_batch {
            self.stages[stage].ranks.iter_mut().for_each(|rank| rank.simulation.spend_on_host(time.value));
        }
    }

    /// Picoseconds of the operators of `passes`, as often as they happen.
    fn pass_times(
        &mut self,
        stage: usize,
        graph: &TrainingGraph,
        passes: &[Pass],
        weight: u64,
    ) -> Result<u128, SimulationError> {
        let software = &self.setup.software.training;
        let is_forward = passes.contains(&Pass::Forward);
        let issue = software.backward_issue.as_ref().filter(|_| !is_forward).map(|figure| figure.value);
        let of_layer = software.layer.as_ref().map(|figure| figure.value);
        for rank in &mut self.stages[stage].ranks {
            rank.simulation.set_issue(issue);
        }
        let start = self.now(stage);
        let mut layer = None;
        for id in graph.operators_of(passes) {
            let operator = graph.graph.operator(id);
            if operator.layer != layer {
                layer = operator.layer;
                if let (Some(time), Some(_)) = (of_layer, layer) {
                    self.stages[stage].ranks.iter_mut().for_each(|rank| rank.simulation.spend_on_host(time));
                }
            }
            self.run_one(stage, &graph.graph, id)?;
        }
        self.settle_but_sums(stage);
        if software.synchronises && self.stages.len() > 1 {
            self.stages[stage].ranks.iter_mut().for_each(|rank| rank.simulation.synchronise());
        }
        let time = self.now(stage).saturating_sub(start);
        Ok(u128::from(time.0) * u128::from(weight))
    }

    fn run_one(&mut self, stage: usize, graph: &Graph, id: OpId) -> Result<(), SimulationError> {
        let operator = graph.operator(id);
        match &operator.kind {
            OpKind::Collective(collective)
                if matches!(collective.kind, CollectiveKind::Send | CollectiveKind::Recv) =>
            {
                // The pipeline says when it arrives.
                self.settle(stage, graph, operator);
                let sent = memwall_model_graph::Collective { kind: CollectiveKind::Send, ..*collective };
                let outcome = self.outcome(stage, sent)?;
                self.settle_message(stage, operator, collective, &outcome);
                Ok(())
            }
            OpKind::Collective(collective) => self.collective(stage, graph, id, operator, *collective),
            _ => self.kernel(stage, graph, id, operator),
        }
    }

    /// Waits for every collective but the sums of gradients that run beside the backward pass.
    fn settle_but_sums(&mut self, stage: usize) {
        let is_sum = |operator: &memwall_model_graph::Operator| {
            matches!(&operator.kind, OpKind::Collective(collective)
                if matches!(collective.dimension, Dimension::Data | Dimension::ExpertData)
                    && collective.kind != CollectiveKind::AllGather)
        };
        let pending = &self.stages[stage].pending;
        if let Some(last) = pending.iter().rposition(|pending| !is_sum(&pending.operator)) {
            self.settle_through(stage, last);
        }
    }

    /// Simulates what follows the last backward pass.
    fn measure_finish(&mut self, stage: usize, graph: &Graph) -> Result<Picos, SimulationError> {
        for rank in &mut self.stages[stage].ranks {
            rank.simulation.set_issue(None);
            rank.simulation.synchronise();
        }
        let start = self.now(stage);
        for (id, _) in graph.iter() {
            self.run_one(stage, graph, id)?;
            // The update is of everything that was summed.
            self.settle_all(stage);
        }
        if let Some(time) = &self.setup.software.training.iteration {
            for rank in &mut self.stages[stage].ranks {
                rank.simulation.spend_on_host(time.value);
                rank.simulation.synchronise();
            }
        }
        Ok(self.now(stage).saturating_sub(start))
    }

    /// Adds what waiting for what is kept behind device memory takes.
    fn offload(
        &mut self,
        index: usize,
        (model, stage): (&TrainingModel, &TrainingStage),
        order: &PipelineOrder,
        times: &mut StageTimes,
    ) -> Result<(), SimulationError> {
        let Some(placement) = self.setup.options.placement else { return Ok(()) };
        let device = self.setup.device;
        if placement.activations {
            let kept = stage.parts.iter().zip(&times.parts).map(|(part, passes)| KeptPass {
                forward: passes.forward,
                backward: passes.backward_input.saturating_add(passes.backward_weight),
                activations: part.graph.saved_bytes(),
            });
            let kept: Vec<KeptPass> = kept.collect();
            let record = train_offload::of_activations(device, &placement, order, index as u32, &kept)?;
            let passes = order.micro_batches().max(1) as u64 * stage.parts.len().max(1) as u64;
            let each = Picos(record.exposed().0.div_ceil(passes));
            for part in &mut times.parts {
                part.backward_input = part.backward_input.saturating_add(each);
            }
            times.buffers = times.buffers.saturating_add(record.buffers);
            self.wait_for_tier(index, Picos(each.0.saturating_mul(passes)), placement.tier);
        }
        if placement.optimizer {
            let state = model.state_of(stage);
            let bytes = state.master.saturating_add(state.optimizer);
            let record = train_offload::of_optimizer(device, &placement, times.finish, bytes)?;
            times.finish = times.finish.saturating_add(record.exposed());
            times.buffers = times.buffers.saturating_add(record.buffers);
            self.wait_for_tier(index, record.exposed(), placement.tier);
        }
        Ok(())
    }

    /// Books a wait for a tier behind device memory.
    fn wait_for_tier(&mut self, stage: usize, time: Picos, tier: u32) {
        for rank in &mut self.stages[stage].ranks {
            let until = rank.simulation.now().saturating_add(time);
            rank.simulation.wait(until, Cause::Bandwidth, Some(tier as usize));
        }
    }

    fn part_work(
        &mut self,
        stage: usize,
        part: &TrainingPart,
        passes: &PassTimes,
        split: bool,
    ) -> Result<PartWork, SimulationError> {
        let message = match part.message {
            Some(message) => self.outcome(stage, message)?.time,
            None => Picos::ZERO,
        };
        let memory = PartMemory::of(&part.graph, split);
        Ok(PartWork {
            forward: passes.forward,
            backward: passes.backward_input.saturating_add(passes.backward_weight),
            backward_input: passes.backward_input,
            backward_weight: passes.backward_weight,
            together: None,
            send_forward: message,
            send_backward: message,
            activations: memory.activations,
            kept_for_weights: memory.kept_for_weights,
        })
    }

    fn finish_training(
        mut self,
        model: &TrainingModel,
        times: &[StageTimes],
        pipeline: PipelineRecord,
        tokens: u64,
    ) -> Record {
        let summed =
            pipeline.stages.iter().zip(times).map(|(stage, times)| stage.last.saturating_add(times.tail));
        let summed = summed.max().unwrap_or_default();
        let finish = times.iter().map(|times| times.finish).max().unwrap_or_default();
        // Means over micro-batches are rounded up, so that no stage has booked more.
        let booked = self.stages.iter().filter_map(|stage| stage.ranks.first());
        let booked = booked.map(|rank| rank.simulation.booked()).max().unwrap_or_default();
        let wall = summed.saturating_add(finish).max(Picos(u64::try_from(booked).unwrap_or(u64::MAX)));
        let stages = self.stage_records(model, wall);
        let simulated = model.stages.iter().enumerate().filter(|(index, stage)| stage.same_as == *index);
        let simulated = simulated.map(|(index, _)| self.stages[index].ranks.len() as u64).sum();
        let busiest = self.stages.iter().max_by_key(|stage| (stage.busy(), std::cmp::Reverse(stage.number)));
        let busiest = busiest.map_or(0, |stage| stage.number as usize);
        let team = TeamRecord {
            ranks: self.setup.parallel.ranks(),
            simulated,
            communication: self.totals.communication(busiest),
            links: self.totals.links(wall),
            stages,
        };
        let place = self.bubble_place;
        let rank = self.stages.swap_remove(busiest).ranks.swap_remove(0);
        let mut record = rank.simulation.finish_at(wall, place);
        PhaseRecord::count(&mut record.phases, "train", tokens, wall);
        if self.setup.parallel.pipeline > 1 {
            record.notes.push(format!(
                "engines, tiers and operators are those of a rank of stage {busiest}, the busiest of {}",
                self.setup.parallel.pipeline
            ));
        }
        let of = &times[busiest];
        let device = self.setup.device;
        let capacity = device.memory().map_or(u64::MAX, |tier| tier.capacity.value.0);
        let setup = MemorySetup {
            parallel: &self.setup.parallel,
            software: self.setup.software,
            placement: self.setup.options.placement,
            buffers: times.iter().map(|times| times.buffers).max().unwrap_or(0),
        };
        let memory = train_memory::fullest(model, &setup, &pipeline, capacity);
        let held = memory.as_ref().map_or(0, |memory| memory.timeline.peak().bytes);
        let dram = device.memory().map(|tier| tier.name.as_str());
        for tier in record.tiers.iter_mut().filter(|tier| Some(tier.name.as_str()) == dram) {
            tier.peak_occupancy = Bytes(held.min(tier.capacity.0));
        }
        let peak = device.matmul_peak(model.compute.name()).map_or(f64::INFINITY, |peak| peak.rate.0);
        let peak = peak * self.setup.parallel.ranks() as f64;
        record.training = Some(TrainingRecord {
            forward: of.parts.iter().map(|part| part.forward).collect(),
            backward: of
                .parts
                .iter()
                .map(|part| part.backward_input.saturating_add(part.backward_weight))
                .collect(),
            tail: summed.saturating_sub(pipeline.wall),
            finish,
            useful_flops: model.useful_flops(&self.setup.parallel),
            peak,
            memory,
            pipeline,
        });
        record.team = (team.ranks > 1).then_some(team);
        record
    }

    fn stage_records(&self, model: &TrainingModel, wall: Picos) -> Vec<StageRecord> {
        let record = |(index, stage): (usize, &TrainingStage)| {
            let measured = &self.stages[stage.same_as];
            let booked = measured.ranks.first().map_or(0, |rank| rank.simulation.booked());
            let booked = Picos(u64::try_from(booked).unwrap_or(u64::MAX));
            StageRecord {
                stage: index as u32,
                running: booked.saturating_sub(measured.waited()),
                communication: measured.waited(),
                bubble: wall.saturating_sub(booked),
            }
        };
        model.stages.iter().enumerate().map(record).collect()
    }
}
