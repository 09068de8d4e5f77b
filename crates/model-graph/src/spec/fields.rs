//! Which shape fields each operator of an inline graph needs, and whether they hold sensible sizes.

use std::collections::BTreeMap;

use super::{OperatorSpec, SpecError, SpecOp};
use crate::limits::MAX_ELEMENTS;

/// Entries of an inline graph.
pub const MAX_SPEC_OPERATORS: usize = 10_000;
/// Characters of a name.
const MAX_NAME: usize = 200;
/// Largest exponent of Zipf's law, in thousandths.
const MAX_SKEW: u64 = 10_000;
/// Errors told at once.
const MAX_ERRORS: usize = 50;

/// The fields an operator needs, those it may have besides, and how many inputs it may have (none is always
/// fine).
pub(super) struct Rule {
    needs: &'static [&'static str],
    may_have: &'static [&'static str],
    /// Fewest and most inputs, where there are any.
    pub(super) inputs: (usize, usize),
}

const DATA: Rule = Rule { needs: &["elements"], may_have: &[], inputs: (0, 0) };
const MATMUL: Rule = Rule { needs: &["m", "n", "k"], may_have: &["batch", "b_shared_by"], inputs: (1, 2) };
const ATTENTION: Rule = Rule {
    needs: &["q_len", "kv_len", "heads", "head_dim"],
    may_have: &["batch", "kv_heads", "window", "causal"],
    inputs: (3, 3),
};
const GROUPED: Rule =
    Rule { needs: &["tokens", "experts", "top_k", "n", "k"], may_have: &[], inputs: (1, 2) };
const ROWS: Rule = Rule { needs: &["rows", "cols"], may_have: &[], inputs: (1, 1) };
const GATHER_SUM: Rule = Rule {
    needs: &["rows", "cols", "table_rows"],
    may_have: &["pool", "skew_permille", "warm"],
    inputs: (1, 1),
};
const NORM: Rule = Rule { needs: &["rows", "cols"], may_have: &[], inputs: (1, 2) };
const UNARY: Rule = Rule { needs: &["elements"], may_have: &[], inputs: (1, 1) };
const BINARY: Rule = Rule { needs: &["elements"], may_have: &[], inputs: (2, 2) };
const CONVOLUTION: Rule = Rule {
    needs: &["height", "width", "in_channels", "out_channels", "kernel"],
    may_have: &["batch", "stride", "padding", "groups"],
    inputs: (1, 2),
};
const POOL: Rule = Rule {
    needs: &["height", "width", "in_channels", "kernel"],
    may_have: &["batch", "stride", "padding"],
    inputs: (1, 1),
};
const ROUTE: Rule = Rule { needs: &["tokens", "experts", "top_k"], may_have: &[], inputs: (1, 1) };

impl SpecOp {
    pub(super) fn rule(self) -> &'static Rule {
        match self {
            Self::Input | Self::Weight | Self::KvCache => &DATA,
            Self::Matmul => &MATMUL,
            Self::Attention => &ATTENTION,
            Self::GroupedMatmul => &GROUPED,
            Self::Softmax | Self::Gather | Self::BatchNorm => &ROWS,
            Self::GatherSum => &GATHER_SUM,
            Self::Layernorm | Self::Rmsnorm => &NORM,
            Self::Add | Self::Mul | Self::Div | Self::Pow | Self::SiluMul | Self::GeluMul => &BINARY,
            Self::Relu | Self::Gelu | Self::Silu | Self::Tanh | Self::Scale | Self::Copy => &UNARY,
            Self::Rope | Self::Permute => &UNARY,
            Self::Route => &ROUTE,
            Self::Convolution => &CONVOLUTION,
            Self::MaxPool | Self::AveragePool => &POOL,
        }
    }

    /// The name it is written by: `grouped_matmul`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Weight => "weight",
            Self::KvCache => "kv_cache",
            Self::Matmul => "matmul",
            Self::Attention => "attention",
            Self::GroupedMatmul => "grouped_matmul",
            Self::Softmax => "softmax",
            Self::Layernorm => "layernorm",
            Self::Rmsnorm => "rmsnorm",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Pow => "pow",
            Self::Relu => "relu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::SiluMul => "silu_mul",
            Self::GeluMul => "gelu_mul",
            Self::Scale => "scale",
            Self::Copy => "copy",
            Self::Rope => "rope",
            Self::Gather => "gather",
            Self::GatherSum => "gather_sum",
            Self::Route => "route",
            Self::Permute => "permute",
            Self::Convolution => "convolution",
            Self::MaxPool => "max_pool",
            Self::AveragePool => "average_pool",
            Self::BatchNorm => "batch_norm",
        }
    }
}

/// Checks what can be said of each entry by itself and of the names.
pub(super) fn check(operators: &[OperatorSpec]) -> Result<(), Vec<SpecError>> {
    if operators.is_empty() {
        return Err(vec![whole(0, "the graph has no operators".to_owned())]);
    }
    if operators.len() > MAX_SPEC_OPERATORS {
        let message = format!("the graph has {} entries; the limit is {MAX_SPEC_OPERATORS}", operators.len());
        return Err(vec![whole(MAX_SPEC_OPERATORS, message)]);
    }
    let mut errors = Vec::new();
    let mut names = BTreeMap::new();
    for (index, operator) in operators.iter().enumerate() {
        check_name(&mut errors, &mut names, index, operator);
        check_fields(&mut errors, index, operator);
        check_input_count(&mut errors, index, operator);
        if errors.len() >= MAX_ERRORS {
            break;
        }
    }
    check_names_of_inputs(&mut errors, &names, operators);
    if operators.iter().all(OperatorSpec::is_data) {
        errors.push(whole(0, "the graph has only inputs and weights, and no operator".to_owned()));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

impl OperatorSpec {
    /// Whether the entry is data rather than an operator.
    pub(super) fn is_data(&self) -> bool {
        matches!(self.op, SpecOp::Input | SpecOp::Weight | SpecOp::KvCache)
    }

    /// The shape fields by name; `causal`, which is no size, as 1.
    fn fields(&self) -> [(&'static str, Option<u64>); 28] {
        [
            ("m", self.m),
            ("n", self.n),
            ("k", self.k),
            ("batch", self.batch),
            ("b_shared_by", self.b_shared_by),
            ("rows", self.rows),
            ("cols", self.cols),
            ("elements", self.elements),
            ("q_len", self.q_len),
            ("kv_len", self.kv_len),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("window", self.window),
            ("tokens", self.tokens),
            ("experts", self.experts),
            ("top_k", self.top_k),
            ("pool", self.pool),
            ("table_rows", self.table_rows),
            ("skew_permille", self.skew_permille),
            ("height", self.height),
            ("width", self.width),
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("groups", self.groups),
            ("kernel", self.kernel),
            ("stride", self.stride),
            ("padding", self.padding),
        ]
    }
}

fn check_name(
    errors: &mut Vec<SpecError>,
    names: &mut BTreeMap<String, usize>,
    index: usize,
    operator: &OperatorSpec,
) {
    let length = operator.name.chars().count();
    if length == 0 || length > MAX_NAME {
        errors.push(at(index, "name", format!("a name has 1 to {MAX_NAME} characters, this one {length}")));
    }
    if let Some(first) = names.insert(operator.name.clone(), index) {
        let shown = shorten(&operator.name);
        let message = format!("the name {shown} is taken by entry {} already", first + 1);
        errors.push(at(index, "name", message));
    }
}

fn check_fields(errors: &mut Vec<SpecError>, index: usize, operator: &OperatorSpec) {
    let rule = operator.op.rule();
    let op = operator.op.name();
    let before = errors.len();
    for (field, value) in operator.fields() {
        let needed = rule.needs.contains(&field);
        let allowed = needed || rule.may_have.contains(&field);
        match value {
            None if needed => {
                let mut error = whole(index, format!("{op} needs `{field}`"));
                error.hint = Some(format!("{op} takes {}", list(rule)));
                errors.push(error);
            }
            Some(_) if !allowed => errors.push(superfluous(index, field, operator)),
            Some(0) if !["skew_permille", "padding"].contains(&field) => {
                errors.push(at(index, field, format!("`{field}` is 0; a size is at least 1")))
            }
            Some(size) if size > MAX_ELEMENTS => {
                errors.push(at(
                    index,
                    field,
                    format!("`{field}` is {size}; a size is at most {MAX_ELEMENTS}"),
                ));
            }
            _ => {}
        }
    }
    if operator.causal.is_some() && !rule.may_have.contains(&"causal") {
        errors.push(superfluous(index, "causal", operator));
    }
    if operator.warm.is_some() && !rule.may_have.contains(&"warm") {
        errors.push(superfluous(index, "warm", operator));
    }
    if errors.len() == before {
        check_relations(errors, index, operator);
    }
}

/// What fields demand of each other.
fn check_relations(errors: &mut Vec<SpecError>, index: usize, operator: &OperatorSpec) {
    if let (Some(q_len), Some(kv_len)) = (operator.q_len, operator.kv_len)
        && kv_len < q_len
        && operator.causal != Some(false)
    {
        let message =
            format!("`kv_len` is {kv_len}, less than `q_len` ({q_len}): it includes the new tokens");
        errors.push(at(index, "kv_len", message));
    }
    if let (Some(heads), Some(kv_heads)) = (operator.heads, operator.kv_heads)
        && !heads.is_multiple_of(kv_heads)
    {
        errors.push(at(
            index,
            "kv_heads",
            format!("`kv_heads` is {kv_heads}, no divisor of `heads` ({heads})"),
        ));
    }
    if let (Some(experts), Some(top_k)) = (operator.experts, operator.top_k)
        && top_k > experts
    {
        errors.push(at(index, "top_k", format!("`top_k` is {top_k}, more than the {experts} `experts`")));
    }
    if let Some(skew) = operator.skew_permille.filter(|skew| *skew > MAX_SKEW) {
        let message = format!("`skew_permille` is {skew}; at most {MAX_SKEW}");
        errors.push(at(index, "skew_permille", message));
    }
    check_window(errors, index, operator);
    let batch = operator.batch.unwrap_or(1);
    if let Some(shared) = operator.b_shared_by
        && !batch.is_multiple_of(shared)
    {
        let message = format!("`b_shared_by` is {shared}, no divisor of `batch` ({batch})");
        errors.push(at(index, "b_shared_by", message));
    }
}

/// A window must fit into its image, and groups divide its channels.
fn check_window(errors: &mut Vec<SpecError>, index: usize, operator: &OperatorSpec) {
    let padding = operator.padding.unwrap_or(0);
    for (side, extent) in [("height", operator.height), ("width", operator.width)] {
        if let (Some(extent), Some(kernel)) = (extent, operator.kernel)
            && extent.saturating_add(padding.saturating_mul(2)) < kernel
        {
            let message =
                format!("`kernel` is {kernel}, more than the image's {side} of {extent} and its padding");
            errors.push(at(index, "kernel", message));
            return;
        }
    }
    for (field, channels) in [("in_channels", operator.in_channels), ("out_channels", operator.out_channels)]
    {
        if let (Some(channels), Some(groups)) = (channels, operator.groups)
            && !channels.is_multiple_of(groups)
        {
            let message = format!("`groups` is {groups}, no divisor of `{field}` ({channels})");
            errors.push(at(index, "groups", message));
        }
    }
}

fn check_input_count(errors: &mut Vec<SpecError>, index: usize, operator: &OperatorSpec) {
    let (fewest, most) = operator.op.rule().inputs;
    let count = operator.inputs.len();
    if count == 0 || (fewest..=most).contains(&count) {
        return;
    }
    let range = if fewest == most { fewest.to_string() } else { format!("{fewest} or {most}") };
    let message = match most {
        0 => format!("{} is data and has no `inputs`", operator.op.name()),
        _ => format!(
            "{} reads {range} `inputs` (or none, for data from outside), not {count}",
            operator.op.name()
        ),
    };
    errors.push(at(index, "inputs", message));
}

fn check_names_of_inputs(
    errors: &mut Vec<SpecError>,
    names: &BTreeMap<String, usize>,
    operators: &[OperatorSpec],
) {
    for (index, operator) in operators.iter().enumerate() {
        for (position, input) in operator.inputs.iter().enumerate().take(4) {
            if names.contains_key(input) {
                continue;
            }
            if errors.len() >= MAX_ERRORS {
                return;
            }
            let hint = match nearest(input, names.keys()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "data from outside is an entry with `op: input` and its `elements`".to_owned(),
            };
            let path = vec!["inputs".to_owned(), position.to_string()];
            let message = format!("no entry is called {}", shorten(input));
            errors.push(SpecError { operator: index, path, message, hint: Some(hint) });
        }
    }
}

fn superfluous(index: usize, field: &str, operator: &OperatorSpec) -> SpecError {
    let op = operator.op.name();
    let mut error = at(index, field, format!("{op} has no `{field}`"));
    error.hint = Some(format!("{op} takes {}", list(operator.op.rule())));
    error
}

fn list(rule: &Rule) -> String {
    let quoted =
        |fields: &[&str]| fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
    match rule.may_have {
        [] => quoted(rule.needs),
        more => format!("{} and, if wanted, {}", quoted(rule.needs), quoted(more)),
    }
}

pub(super) fn whole(index: usize, message: String) -> SpecError {
    SpecError { operator: index, path: Vec::new(), message, hint: None }
}

pub(super) fn at(index: usize, field: &str, message: String) -> SpecError {
    SpecError { operator: index, path: vec![field.to_owned()], message, hint: None }
}

fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let word: String = word.chars().take(MAX_NAME).collect();
    let scored = names.map(|name| (strsim::jaro_winkler(&word, name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= 0.8).map(|(_, name)| name.as_str())
}

/// At most 60 characters, so that no message repeats megabytes of input.
pub(super) fn shorten(name: &str) -> String {
    let head: String = name.chars().take(60).collect();
    if head.len() < name.len() { format!("`{head}...`") } else { format!("`{head}`") }
}
