//! Where to cut a network that has no layers.

use super::Problem;

/// For each forward operator the segment it is in, numbered from 0: `wanted` segments of about equal bytes, at most, each
/// cut where the fewest bytes cross. Without a number, as many as the square root of the operators (Chen et al. 2016,
/// arXiv:1604.06174).
#[must_use]
pub fn segments(problem: &Problem, wanted: Option<usize>) -> Vec<u32> {
    let count = problem.forward();
    let wanted = wanted.unwrap_or((count as f64).sqrt().round() as usize).clamp(1, count.max(1));
    let made: Vec<u128> =
        problem.operators()[..count].iter().map(|work| made(problem, &work.outputs)).collect();
    let crossing = crossing(problem);
    let all = made.iter().sum::<u128>();
    let half = all / (2 * wanted as u128);
    let mut cuts = vec![false; count + 1];
    let (mut place, mut until) = (0, 0_u128);
    for cut in 1..wanted as u128 {
        // The best place not further than half a segment from where equal segments would end.
        let (from, to) = (all * cut / wanted as u128 - half, all * cut / wanted as u128 + half);
        let mut best: Option<(u128, usize)> = None;
        while place + 1 < count && until + made[place] <= to {
            until += made[place];
            place += 1;
            if until >= from && best.is_none_or(|(bytes, _)| crossing[place - 1] < bytes) {
                best = Some((crossing[place - 1], place));
            }
        }
        if let Some((_, at)) = best {
            cuts[at] = true;
        }
    }
    let mut segment = 0;
    let number = |place: usize| {
        segment += u32::from(cuts[place]);
        segment
    };
    (0..count).map(number).collect()
}

/// For each forward operator, bytes of what was made until then and is read by later forward operators.
fn crossing(problem: &Problem) -> Vec<u128> {
    let count = problem.forward();
    let mut change = vec![0_i128; count + 1];
    for (place, work) in problem.operators()[..count].iter().enumerate() {
        for value in &work.outputs {
            let last = problem.readers(*value).iter().rev().find(|reader| (**reader as usize) < count);
            if let Some(last) = last {
                change[place] += i128::from(problem.bytes(*value));
                change[*last as usize] -= i128::from(problem.bytes(*value));
            }
        }
    }
    let mut now = 0;
    let running = |by: &i128| {
        now += by;
        now.unsigned_abs()
    };
    change[..count].iter().map(running).collect()
}

fn made(problem: &Problem, outputs: &[u32]) -> u128 {
    outputs.iter().map(|value| u128::from(problem.bytes(*value))).sum()
}
