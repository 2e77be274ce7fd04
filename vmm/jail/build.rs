//! Compiles the system call filters in `filters/` to BPF programs, as statics of the crate. No compiler
//! is part of a jailed process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A build script fails by panic.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Contents of a filter file; `filters/README.md` describes the format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    calls: Vec<String>,
    #[serde(default, rename = "call")]
    conditional: Vec<Conditional>,
    /// Error number that the calls of the file return; all other calls pass. `None`: the calls are allowed,
    /// and all others kill the process.
    errno: Option<u32>,
}

/// System call that is allowed with certain values of one argument.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Conditional {
    /// Name of the system call.
    name: String,
    /// Index of the argument, from 0.
    argument: u8,
    /// Bits of the argument that are compared; `None` for all.
    mask: Option<u64>,
    /// Allowed values of the compared bits.
    values: Vec<u64>,
}

/// Filter: a file merged with the files that it includes.
#[derive(Default)]
struct Filter {
    calls: BTreeSet<String>,
    conditional: BTreeMap<String, Vec<Conditional>>,
    errno: Option<u32>,
}

impl Filter {
    /// Reads the filter `name` and its includes.
    fn read(folder: &Path, name: &str) -> Self {
        let mut filter = Self::default();
        filter.add(folder, name, &mut BTreeSet::new());
        if let Some(both) = filter.conditional.keys().find(|call| filter.calls.contains(*call)) {
            panic!("{name}: {both} is allowed with conditions and without");
        }
        filter
    }

    /// Adds the file `name` and its includes, each file once.
    fn add(&mut self, folder: &Path, name: &str, seen: &mut BTreeSet<String>) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let path = folder.join(name).with_extension("toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for included in &file.includes {
            self.add(folder, included, seen);
        }
        self.calls.extend(file.calls);
        for conditional in file.conditional {
            self.conditional.entry(conditional.name.clone()).or_default().push(conditional);
        }
        self.errno = self.errno.or(file.errno);
    }

    /// Converts the filter to seccompiler's JSON. Conditions are in the order of the files, included files
    /// first. All compared arguments have 32 bits.
    fn to_json(&self) -> Value {
        let mut rules: Vec<Value> = self.calls.iter().map(|call| json!({"syscall": call})).collect();
        for conditional in self.conditional.values().flatten() {
            let op = conditional.mask.map_or(json!("eq"), |mask| json!({"masked_eq": mask}));
            for value in &conditional.values {
                let condition =
                    json!({"index": conditional.argument, "type": "dword", "op": op, "val": value});
                rules.push(json!({"syscall": conditional.name, "args": [condition]}));
            }
        }
        let (mismatch, on_match) = match self.errno {
            None => (json!("kill_process"), json!("allow")),
            Some(errno) => (json!("allow"), json!({"errno": errno})),
        };
        json!({"mismatch_action": mismatch, "match_action": on_match, "filter": rules})
    }
}

fn main() {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap()).join("filters");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let filters: Value = names
        .iter()
        .map(|name| (name.clone(), Filter::read(&folder, name).to_json()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let text = filters.to_string();
    let programs = seccompiler::compile_from_json(text.as_bytes(), seccompiler::TargetArch::x86_64)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut code = String::new();
    for name in &names {
        let program = &programs[name];
        writeln!(
            code,
            "/// `filters/{name}.toml`.\npub(super) static {}: [sock_filter; {}] = [",
            name.to_uppercase(),
            program.len()
        )
        .unwrap();
        for step in program {
            writeln!(
                code,
                "    sock_filter {{ code: {}, jt: {}, jf: {}, k: {} }},",
                step.code, step.jt, step.jf, step.k
            )
            .unwrap();
        }
        code.push_str("];\n");
    }
    fs::write(PathBuf::from(env::var("OUT_DIR").unwrap()).join("filters.rs"), code).unwrap();
}
