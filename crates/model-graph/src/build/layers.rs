//! Stacks of layers.

use super::attention::{Memory, attend_to_memory, attend_to_self};
use super::collectives::{
    ATTENTION, BLOCK, CROSS_ATTENTION, FEED_FORWARD, gather_tokens, receive, reduce, send,
};
use super::ends::{embed, finish, finish_encoder};
use super::feed_forward::{dense_block, feed_forward, pointwise};
use super::names::{CROSS, SELF, name};
use super::scope::{Scope, Stream};
use crate::{Activation, Blocks, NormPosition, Operand};

const MLP_NORM: super::names::Name = name!("mlp.norm");
const MLP_RESIDUAL: super::names::Name = name!("mlp.residual");
const BLOCK_ADD: super::names::Name = name!("block.add");

/// An encoder's pass; its output.
pub(super) fn encode(scope: &mut Scope<'_>) -> Operand {
    let stream = stack(scope, scope.arch.encoder_layers(), false);
    if scope.parallel.is_last(scope.stage) {
        return finish_encoder(scope, stream);
    }
    send(scope, stream);
    stream.x
}

/// A decoder's pass, for which `scope` holds the new tokens.
pub(super) fn decode(scope: &mut Scope<'_>) {
    let stream = stack(scope, scope.arch.decoder_layers(), true);
    if scope.parallel.is_last(scope.stage) { finish(scope, stream) } else { send(scope, stream) }
}

/// This stage's part of `layers` layers, and of what is before the first.
fn stack(scope: &mut Scope<'_>, layers: u64, cached: bool) -> Stream {
    let mut stream = if scope.stage == 0 { embed(scope) } else { receive(scope) };
    for index in scope.parallel.layers_of(scope.stage, layers) {
        scope.layer = u32::try_from(index).ok();
        if scope.arch.blocks == Blocks::Sequential {
            stream = self_attention(scope, index, stream, cached);
            stream = mlp(scope, index, stream);
        } else {
            stream = side_by_side(scope, index, stream, cached);
        }
        if scope.trains() {
            // Layers are compiled, wrapped and computed again one by one: each ends with its sum.
            stream = Stream { x: scope.settle(stream), pending: None };
        }
    }
    stream
}

/// A pass of an encoder-decoder model's decoder. With the encoder's output at hand, its keys and values are
/// computed and cached first; without, they are in the cache.
pub(super) fn decode_with_memory(scope: &mut Scope<'_>, encoded: Option<Operand>) {
    let mut stream = embed(scope);
    let source = Memory { encoded, len: scope.step.prompt_len };
    let first = scope.arch.encoder_layers();
    for index in 0..scope.arch.decoder_layers() {
        scope.layer = u32::try_from(first.saturating_add(index)).ok();
        stream = self_attention(scope, index, stream, true);
        stream = cross_attention(scope, source, stream);
        stream = mlp(scope, index, stream);
    }
    finish(scope, stream);
}

fn self_attention(scope: &mut Scope<'_>, index: u64, stream: Stream, cached: bool) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(SELF.norm, stream, pre);
    let input = gather_tokens(scope, &ATTENTION, input);
    let output = attend_to_self(scope, index, input, cached);
    let output = reduce(scope, &ATTENTION, output);
    let stream = scope.leave(SELF.residual, sum, output);
    if pre { stream } else { scope.close(SELF.norm, stream) }
}

fn cross_attention(scope: &mut Scope<'_>, source: Memory, stream: Stream) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(CROSS.norm, stream, pre);
    let input = gather_tokens(scope, &CROSS_ATTENTION, input);
    let output = attend_to_memory(scope, source, input);
    let output = reduce(scope, &CROSS_ATTENTION, output);
    let stream = scope.leave(CROSS.residual, sum, output);
    if pre { stream } else { scope.close(CROSS.norm, stream) }
}

fn mlp(scope: &mut Scope<'_>, index: u64, stream: Stream) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(MLP_NORM, stream, pre);
    let output = feed_forward(scope, index, input);
    let stream = scope.leave(MLP_RESIDUAL, sum, output);
    if pre { stream } else { scope.close(MLP_NORM, stream) }
}

/// Attention and feed-forward of the same input, their outputs added up before they join the stream.
fn side_by_side(scope: &mut Scope<'_>, index: u64, stream: Stream, cached: bool) -> Stream {
    let hidden = scope.arch.hidden;
    let (normed, sum) = scope.enter(SELF.norm, stream, true);
    let input = gather_tokens(scope, &ATTENTION, normed);
    let second = if scope.arch.blocks == Blocks::ParallelTwoNorms {
        let normed = scope.on_stream(|scope| scope.norm(MLP_NORM, sum, hidden));
        gather_tokens(scope, &FEED_FORWARD, normed)
    } else {
        input
    };
    let attended = attend_to_self(scope, index, input, cached);
    let fed = dense_block(scope, second);
    let both = pointwise(scope, BLOCK_ADD, Activation::Add, vec![attended, fed], hidden);
    let output = reduce(scope, &BLOCK, both);
    scope.leave(MLP_RESIDUAL, sum, output)
}
