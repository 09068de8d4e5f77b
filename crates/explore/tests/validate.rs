//! Reading measured rows and comparing with them: what is wrong is named with its line, and nothing is lost in silence.

use memwall_explore::validate::{Reading, read_rows, validate};
use proptest::prelude::*;

const GEMM: &str = "kind,device,software,dtype,batch,m,n,k,seconds,weight_copies,source\n";
const GOOD: &str = "gemm,t4,trtllm-1.0.0,fp16,1,64,256,128,1e-5,5,me\n";

fn read(text: &str) -> Reading {
    read_rows("rows.csv", text.as_bytes())
}

/// The one problem of a file whose second line is wrong and whose third is right.
fn problem(line: &str) -> String {
    let reading = read(&format!("{GEMM}{line}\n{GOOD}"));
    assert_eq!(reading.rows.len(), 1, "the good line after it is read: {reading:?}");
    let [problem] = reading.problems.as_slice() else { panic!("not one problem: {reading:?}") };
    assert_eq!((problem.place.file.as_str(), problem.place.line), ("rows.csv", 2));
    problem.message.clone()
}

#[test]
fn a_wrong_row_is_named_and_the_rest_is_read() {
    for (line, wanted) in [
        ("gemm,t4,x,fp16,1,0,256,128,1e-5,5,me", "m is 0: it must be from 1 to"),
        ("gemm,t4,x,fp16,1,-3,256,128,1e-5,5,me", "m is `-3`, not a whole number"),
        ("gemm,t4,x,fp16,1,1,99999999999999999999,128,1e-5,5,me", "n is `99999999999999999999`"),
        ("gemm,t4,x,fp16,1,1,9999999999,128,1e-5,5,me", "n is 9999999999: it must be from 1 to"),
        ("gemm,t4,x,fp16,1,1,256,128,-1e-5,5,me", "seconds is -1e-5: a measured time is above 0"),
        ("gemm,t4,x,fp16,1,1,256,128,0,5,me", "seconds is 0: a measured time is above 0"),
        ("gemm,t4,x,fp16,1,1,256,128,NaN,5,me", "seconds is NaN"),
        ("gemm,t4,x,fp16,1,1,256,128,1e999,5,me", "seconds is 1e999"),
        ("gemm,t4,x,fp16,1,1,256,128,,5,me", "seconds is empty"),
        ("gemm,t4,x,fp16,1,1,256,128,1e-5,0,me", "weight_copies is `0`"),
        (
            "gemm,h1000-smx,x,fp16,1,1,256,128,1e-5,5,me",
            "no device is called `h1000-smx`; did you mean `h100-sxm",
        ),
        ("gemm,t4,x,fp16,1,1", "it has 6 fields and weight_copies is the 10th of the header's 11"),
        ("convolution,t4,x,fp16,1,1,256,128,1e-5,5,me", "`convolution` is no kind of row"),
        (",t4,x,fp16,1,1,256,128,1e-5,5,me", "kind is empty"),
    ] {
        let message = problem(line);
        assert!(message.starts_with(wanted), "{line}: {message}");
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let mut bytes = format!("{GEMM}gemm,t4,").into_bytes();
    bytes.extend([0xe9, 0xff]);
    bytes.extend(format!(",fp16,1,1,256,128,1e-5,5,me\n{GOOD}").bytes());
    let reading = read_rows("rows.csv", &bytes);
    assert_eq!(reading.rows.len(), 1);
    assert_eq!(reading.problems[0].message, "software is not UTF-8 text");
    assert_eq!(reading.problems[0].place.line, 2);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read_over() {
    let plain = read(&format!("{GEMM}{GOOD}{GOOD}"));
    let text = format!("\u{feff}{GEMM}{GOOD}{GOOD}").replace('\n', "\r\n");
    assert_eq!(read(&text), plain);
    assert_eq!(plain.rows.len(), 2);
}

#[test]
fn a_quoted_line_break_does_not_put_later_lines_out_of_count() {
    let reading =
        read(&format!("{GEMM}{}gemm,t4,x,fp16,1,0,1,1,1,,\n", GOOD.replace("me", "\"me,\nand others\"")));
    assert_eq!(reading.rows[0].source, "me,\nand others");
    assert_eq!(reading.problems[0].place.line, 4);
}

#[test]
fn a_missing_column_is_named_on_every_line_that_needs_it() {
    let reading =
        read("kind,device,software,dtype,batch,m,n,seconds,weight_copies,source\ngemm,t4,x,fp16,1,1,1,1,,\n");
    assert_eq!(reading.rows.len(), 0);
    assert_eq!(reading.problems[0].message, "the header has no column `k`");
}

#[test]
fn files_that_are_no_rows_are_passed_over_with_the_reason() {
    assert_eq!(read("a,b\n1,2\n").passed_over.as_deref(), Some("its first column is not `kind`"));
    assert_eq!(read("").passed_over.as_deref(), Some("its first column is not `kind`"));
    assert_eq!(read("kind,x\nfoo,1\n").passed_over.as_deref(), Some("none of its rows has a known kind"));
    let wrong = read("kind,x\ntraining,1\ntraining,2\n");
    assert_eq!((wrong.rows.len(), wrong.problems.len()), (0, 2), "columns are missing");
}

#[test]
fn a_row_that_is_refused_is_a_miss_of_all_of_it_and_listed() {
    // Sixteen times what a T4 holds.
    let large = "gemm,t4,trtllm-1.0.0,fp16,1,400000,400000,400000,1,1,me\n";
    let validation = validate(&[("rows.csv".to_owned(), read(&format!("{GEMM}{large}")))]);
    let [group] = validation.groups.as_slice() else { panic!("not one group") };
    assert_eq!((group.all.n, group.refused), (1, 1));
    assert_eq!((group.all.mape_pct, group.all.bias_pct), (100.0, -100.0));
    assert!(validation.rows[0].refused.is_some());
    let table = validation.to_table(0, memwall_report::View::default());
    assert!(table.contains("Refused rows, each counted as an error of 100 %"), "{table}");
    assert!(table.contains("rows.csv:2: gemm 1 x 400000 x 400000 x 400000:"), "{table}");
}

#[test]
fn software_without_a_profile_gets_the_nearest_and_says_so() {
    let line = GOOD.replace("trtllm-1.0.0", "torch-of-my-own");
    let validation = validate(&[("rows.csv".to_owned(), read(&format!("{GEMM}{line}")))]);
    assert!(validation.rows[0].predicted_s.is_some());
    let [note] = validation.notes.as_slice() else { panic!("{:?}", validation.notes) };
    assert!(note.starts_with(
        "software `torch-of-my-own` is unknown; its rows are predicted with the profile `torch-"
    ));
}

#[test]
fn the_same_for_any_number_of_threads() {
    let mut text = GEMM.to_owned();
    for index in 0..600 {
        let (device, m) = (["t4", "h100-sxm", "v100-sxm2-32gb"][index % 3], 1 + index * 7);
        text += &format!("gemm,{device},trtllm-1.0.0,fp16,1,{m},512,{},1e-5,5,me\n", 64 + index % 11 * 64);
    }
    let readings = [("rows.csv".to_owned(), read(&text))];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| validate(&readings))
    };
    let one = with(1);
    assert_eq!(one.rows.len(), 600);
    assert_eq!(one, with(4));
}

/// Pieces that lead deep into the reader.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        GEMM,
        GOOD,
        "kind,",
        "gemm,",
        "attention,",
        "moe,",
        "t4,",
        "h100,",
        "fp16,",
        "prefill,",
        "0,",
        "1,",
        "-1,",
        "1e-5,",
        "99999999999999999999,",
        "power_law_nan,",
        "cold,",
        "\"",
        "\n",
        "\r\n",
        ",",
        "\u{feff}",
        "elementwise,",
        "add,",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #[test]
    fn any_bytes_end_in_rows_or_in_problems(
        start in prop::sample::select(vec!["", GEMM]),
        pieces in prop::collection::vec(piece(), 0..40),
    ) {
        let bytes: Vec<u8> = start.bytes().chain(pieces.into_iter().flatten()).collect();
        let reading = read_rows("any.csv", &bytes);
        for row in &reading.rows {
            prop_assert!(row.seconds > 0.0 && row.seconds.is_finite() && row.place.line > 1);
        }
        for problem in &reading.problems {
            prop_assert!(!problem.message.is_empty() && problem.message.len() < 2000, "{}", problem.message);
            prop_assert!(problem.place.line > 1);
        }
    }
}

const COLLECTIVE: &str =
    "kind,system,device,software,collective,dtype,ranks,nodes,bytes,seconds,samples,source\n";
const INFERENCE: &str =
    "kind,device,software,model,dtype,kv_dtype,tp,pp,batch,isl,osl,metric,value,note,source\n";

/// What is wrong with one line below a header, whose next line is right.
fn problem_below(header: &str, line: &str, good: &str) -> String {
    let reading = read(&format!("{header}{line}\n{good}\n"));
    assert_eq!(reading.rows.len(), 1, "the good line after it is read: {reading:?}");
    let [problem] = reading.problems.as_slice() else { panic!("not one problem: {reading:?}") };
    assert_eq!(problem.place.line, 2);
    problem.message.clone()
}

#[test]
fn a_wrong_collective_is_named_and_the_rest_is_read() {
    let good = "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,1,1048576,4e-5,1,me";
    for (line, wanted) in [
        (
            "collective,dgx-h10,h100-sxm,nccl,all_reduce,fp16,8,1,1048576,4e-5,1,me",
            "no system is called `dgx-h10`; did you mean `dgx-h100`",
        ),
        (
            "collective,dgx-h100,h100-sxm,nccl,all_reduse,fp16,8,1,1048576,4e-5,1,me",
            "`all_reduse` is no collective: they are all_reduce, all_gather, reduce_scatter",
        ),
        (
            "collective,hgx-h100-ib,h100-sxm,nccl,all_reduce,fp16,9,2,1048576,4e-5,1,me",
            "9 ranks are not as many on each of 2 nodes",
        ),
        (
            "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,-8,1,1024,4e-5,1,me",
            "ranks is `-8`, not a whole number",
        ),
        (
            "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,0,1024,4e-5,1,me",
            "nodes is 0: it must be from 1 to",
        ),
        (
            "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,1,-1,4e-5,1,me",
            "bytes is `-1`, not a whole number",
        ),
        ("collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,1,1024,-4e-5,1,me", "seconds is -4e-5"),
        (
            "collective,dgx-h100,h1000-sxm,nccl,all_reduce,fp16,8,1,1024,4e-5,1,me",
            "no device is called `h1000-sxm`",
        ),
    ] {
        let message = problem_below(COLLECTIVE, line, good);
        assert!(message.contains(wanted), "`{line}`\ngives   {message}\nwanted  {wanted}");
    }
}

#[test]
fn a_wrong_inference_is_named_and_the_rest_is_read() {
    let good = "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,tpot_s,0.01,,me";
    for (line, wanted) in [
        (
            "inference,h100-sxm,trtllm-1.0,lama-3,fp8,,1,1,8,128,128,tpot_s,0.01,,me",
            "no model is called `lama-3`",
        ),
        (
            "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,tpot,0.01,,me",
            "`tpot` is no metric: they are",
        ),
        (
            "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,0,1,8,128,128,tpot_s,0.01,,me",
            "tp is 0: it must be from 1 to",
        ),
        ("inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,-8,128,128,tpot_s,0.01,,me", "batch is `-8`"),
        ("inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,tpot_s,-0.01,,me", "value is -0.01"),
        ("inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,tpot_s,,,me", "value is empty"),
    ] {
        let message = problem_below(INFERENCE, line, good);
        assert!(message.contains(wanted), "`{line}`\ngives   {message}\nwanted  {wanted}");
    }
}

/// The predicted value of each row, or why there is none.
fn predictions(text: &str) -> Vec<Result<f64, String>> {
    let validation = validate(&[("rows.csv".to_owned(), read(text))]);
    assert!(validation.problems.is_empty(), "{:?}", validation.problems);
    let mut rows = validation.rows;
    rows.sort_by_key(|row| row.line);
    rows.iter().map(|row| row.predicted_s.ok_or_else(|| row.refused.clone().unwrap_or_default())).collect()
}

#[test]
fn collectives_are_predicted_or_refused_with_the_reason() {
    let lines = [
        "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,1,1048576,4e-5,1,me",
        "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,8,1,1073741824,4e-3,1,me",
        "collective,hgx-h100-ib,h100-sxm,nccl,all_reduce,fp16,16,2,1073741824,4e-3,1,me",
        "collective,dgx-h100,h100-sxm,nccl,send_recv,fp16,2,1,1048576,4e-5,1,me",
        "collective,dgx-h100,h100-sxm,nccl,all_reduce,fp16,9,1,1024,4e-5,1,me",
        "collective,dgx-h100,h100-sxm,nccl,send_recv,fp16,4,1,1024,4e-5,1,me",
        "collective,tpu-v4-pod,tpu-v4,nccl,all_reduce,fp16,16,2,1024,4e-5,1,me",
        "collective,hgx-h100-ib,h100-sxm,nccl,all_reduce,fp16,1000000000,1000000000,1024,4e-5,1,me",
    ];
    let found = predictions(&format!("{COLLECTIVE}{}\n", lines.join("\n")));
    let times: Vec<f64> = found.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    let [short, long, two_nodes, send] = times[..] else { panic!("{found:?}") };
    assert!(short < long && long < two_nodes && send < long, "{times:?}");
    // A GiB once over a device's NVLinks takes 2.4 ms.
    assert!(long > 1.0737e9 / 450e9 && long < 0.01, "{long}");
    let refused: Vec<&String> = found.iter().filter_map(|one| one.as_ref().err()).collect();
    for (reason, wanted) in refused.iter().zip([
        "9 ranks on a node of 8 devices",
        "send over 4 ranks: it needs exactly 2",
        "this system has no nodes",
        "a fabric has at most 1048576",
    ]) {
        assert!(reason.contains(wanted), "{reason}\nwanted  {wanted}");
    }
    assert_eq!(refused.len(), 4);
}

#[test]
fn whole_models_are_predicted_or_refused_with_the_reason() {
    let lines = [
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,ttft_s,0.01,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,tpot_s,0.01,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1,8,128,128,output_tokens_per_s,900,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,2,2,8,128,128,output_tokens_per_s,900,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,2,2,8,128,128,output_tokens_per_s_per_gpu,225,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,3,1,8,128,128,tpot_s,0.01,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-70b,bf16,,1,1,1,128,128,tpot_s,0.01,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp9,,1,1,8,128,128,tpot_s,0.01,,me",
        "inference,h100-sxm,trtllm-1.0,llama-3-8b,fp8,,1,1000000,8,128,128,tpot_s,0.01,,me",
    ];
    let found = predictions(&format!("{INFERENCE}{}\n", lines.join("\n")));
    let values: Vec<f64> = found.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    let [first, token, rate, four, each] = values[..] else { panic!("{found:?}") };
    // Eight requests of a first token and 127 more.
    let expected = 8.0 * 128.0 / (first + 127.0 * token);
    assert!((rate / expected - 1.0).abs() < 1e-9, "{rate} for {expected}");
    assert!((each * 4.0 / four - 1.0).abs() < 1e-9 && four > rate, "{values:?}");
    // 8 GB of weights once through 3.35 TB/s.
    assert!(token > 8e9 / 3.35e12, "{token}");
    let refused: Vec<&String> = found.iter().filter_map(|one| one.as_ref().err()).collect();
    for (reason, wanted) in refused.iter().zip([
        "tensor",
        "must be in hbm at once, which holds 80 GB",
        "`fp9` is no format it knows",
        "no system of the catalog has 1000000 devices",
    ]) {
        assert!(reason.contains(wanted), "{reason}\nwanted  {wanted}");
    }
    assert_eq!(refused.len(), 4);
}
