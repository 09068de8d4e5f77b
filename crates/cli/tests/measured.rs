//! Measured rows from a file to an answer: `validate`, `calibrate`, and the script that measures.

mod common;

use std::process::Command;

use common::{memwall, root, run, run_with_input, stderr, stdout};
use serde_json::Value;

const ROWS: &str = "traces/measured/example_gemm.csv";

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(stdout(&output)).unwrap()
}

#[test]
fn groups_have_the_fields_that_programs_rely_on() {
    let document = json(&["validate", ROWS, "--format", "json"]);
    let groups = document["groups"].as_array().unwrap();
    assert!(!groups.is_empty());
    for group in groups {
        for name in ["kind", "device", "software", "dtype"] {
            assert!(group[name].is_string(), "{name} of {group}");
        }
        for name in ["phase", "size"] {
            assert!(group[name].is_string() || group[name].is_null(), "{name} of {group}");
            assert!(group.as_object().unwrap().contains_key(name), "{name}");
        }
        for name in ["n", "refused"] {
            assert!(group[name].is_u64(), "{name} of {group}");
        }
        for name in ["mape_pct", "median_pct", "p90_pct", "bias_pct", "mean_abs_ln", "roofline_mape_pct"] {
            assert!(group[name].is_f64(), "{name} of {group}");
        }
    }
    for name in ["refused", "problems", "passed_over", "notes"] {
        assert!(document[name].is_array(), "{name}");
    }
}

#[test]
fn rows_as_csv_have_these_columns() {
    let output = run(&["validate", ROWS, "--format", "csv"]);
    let first = stdout(&output).lines().next().unwrap();
    assert_eq!(
        first,
        "file,line,kind,device,software,dtype,phase,size,shape,held_out,measured_s,predicted_s,error_pct,bound_by,\
         roofline_s,refused"
    );
    let rows = std::fs::read_to_string(root().join(ROWS)).unwrap().lines().count();
    assert_eq!(stdout(&output).lines().count(), rows);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let fit = ["calibrate", ROWS, "--device", "h100", "--format", "json"];
    for args in [&["validate", ROWS, "--format", "csv"][..], &fit] {
        let with = |threads: &str| memwall(args).env("RAYON_NUM_THREADS", threads).output().unwrap().stdout;
        let one = with("1");
        assert!(one.len() > 500 && one == with("4"), "{args:?}");
    }
}

#[test]
fn what_calibrate_writes_is_a_start_for_scenarios_and_for_validate() {
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("mine.yaml");
    let overlay = overlay.to_str().unwrap();
    let fitted = run(&["calibrate", ROWS, "--device", "h100", "-o", overlay]);
    assert_eq!(fitted.status.code(), Some(0), "{}", stderr(&fitted));
    assert!(stdout(&fitted).contains("95 % interval"), "{}", stdout(&fitted));
    assert!(std::fs::read_to_string(overlay).unwrap().contains("kind: fitted"));

    let piped = run(&["calibrate", ROWS, "--device", "h100"]);
    let uncommented: Vec<&str> = stdout(&piped).lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(uncommented.join("\n") + "\n", std::fs::read_to_string(overlay).unwrap());

    let error = |document: &Value| document["groups"][0]["held_out"]["mape_pct"].as_f64().unwrap();
    let before = json(&["validate", ROWS, "--format", "json"]);
    let after = json(&["validate", ROWS, "--format", "json", "--with", overlay]);
    assert!(error(&after) < error(&before), "{} to {}", error(&before), error(&after));

    let scenario = folder.path().join("scenario.yaml");
    let text = "extends: mine.yaml\nmodel: llama-3-8b\nworkload: { phase: decode, batch: 1, context: 512, tokens: 1 }\n";
    std::fs::write(&scenario, text).unwrap();
    let resolved = run(&["run", scenario.to_str().unwrap(), "--dry-run"]);
    assert_eq!(resolved.status.code(), Some(0), "{}", stderr(&resolved));
    assert!(stdout(&resolved).contains("mine.yaml"), "{}", stdout(&resolved));
    let ran = run(&["run", scenario.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(stdout(&ran).contains("H100 SXM5 80 GB, modified"), "{}", stdout(&ran));
}

#[test]
fn wrong_rows_are_told_whatever_the_format() {
    let input = "kind,device,software,dtype,batch,m,n,k,seconds,weight_copies,source\n\
                 gemm,t4,trtllm,fp16,1,0,8,8,1e-5,5,me\ngemm,t4,trtllm,fp16,1,8,8,8,1e-5,5,me\n";
    for format in ["table", "json", "csv"] {
        let output = run_with_input(&["validate", "-", "--format", format], input.as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(said.contains("stdin:2: m is 0: it must be from 1 to 4294967296"), "{format}: {said}");
    }
}

#[test]
fn the_measuring_script_writes_the_columns_that_validate_reads() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let script = root().join("scripts/measure.py");
    let output =
        Command::new("python3").arg(script).args(["--dry-run", "--device", "h100-sxm"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let files = stdout(&output).split("kind,").skip(1).map(|file| format!("kind,{file}"));
    let mut kinds = 0;
    for file in files {
        // A time where a measurement would put one.
        let mut lines = file.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let seconds = header.iter().position(|name| *name == "seconds").unwrap();
        let mut timed = header.join(",") + "\n";
        let mut rows = 0;
        for line in lines {
            let mut fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields[seconds], "");
            fields[seconds] = "0.001";
            timed += &(fields.join(",") + "\n");
            rows += 1;
        }
        let read = run_with_input(&["validate", "-", "--format", "csv", "--quiet"], timed.as_bytes());
        assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
        assert_eq!(stdout(&read).lines().count(), rows + 1, "every row of {header:?} is read");
        assert!(rows >= 100, "{rows} rows of {header:?}");
        kinds += 1;
    }
    assert_eq!(kinds, 3);
}
