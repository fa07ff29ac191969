//! Prints how much flash and RAM the images take, and fails when they have grown or can panic.
//!
//! `size-report EXPECTED COMPILER [--update] [--symbols] TARGET=DIRECTORY ..`

mod expected;
mod image;
mod stack;

use std::{collections::BTreeSet, env, error::Error, fs, path::Path, process::ExitCode};

use expected::Figures;
use image::{Function, Image};

/// Images in the order of the table, with the most text that each should have, if that was ever said.
const IMAGES: [(&str, Option<u64>); 5] = [
    ("get", Some(2_620)),
    ("put", None),
    ("client", None),
    ("server", None),
    ("all", Some(5_400)),
];

/// The device alone.
const BASELINE: &str = "baseline";
/// The image that can panic.
const CONTROL: &str = "panics";
/// The image with a constant as long as each machine.
const STATE: &str = "state";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (flags, words): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let flag = |name: &str| flags.iter().any(|flag| *flag == name);
    let [path, compiler, targets @ ..] = words.as_slice() else {
        return Err(
            "usage: size-report EXPECTED COMPILER [--update] [--symbols] TARGET=DIRECTORY .."
                .into(),
        );
    };

    let mut figures = Figures::of(compiler);
    let mut faults = Vec::new();
    println!("opt-level z, fat LTO, panic abort, {compiler}; octets");
    for target in targets {
        let (target, directory) = target.split_once('=').ok_or("TARGET=DIRECTORY expected")?;
        println!("\n{target}");
        measure(target, Path::new(directory), &mut figures, &mut faults)?;
        if flag("--symbols") {
            symbols(Path::new(directory))?;
        }
    }
    if flag("--update") {
        fs::write(path, figures.to_text())?;
    } else {
        let expected = Figures::parse(&fs::read_to_string(path)?)?;
        let (grown, shrunk) = figures.against(&expected);
        for note in shrunk {
            println!("note: {note}; bash ci.sh size --update");
        }
        if !grown.is_empty() && expected.compiler != **compiler {
            faults.push(format!(
                "what is expected was measured with {}",
                expected.compiler
            ));
        }
        faults.extend(grown);
    }
    for fault in &faults {
        eprintln!("fault: {fault}");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(directory: &Path, name: &str) -> Result<Image, Box<dyn Error>> {
    let path = directory.join(name);
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Image::parse(&bytes)?)
}

fn measure(
    target: &str,
    directory: &Path,
    figures: &mut Figures,
    faults: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    if panics(&read(directory, CONTROL)?) == 0 {
        faults.push(format!("{target}: the image that can panic shows no panic"));
    }
    let baseline = read(directory, BASELINE)?;
    println!("image      text  (runtime)  data   bss  stack  panics  goal");
    for (name, goal) in IMAGES {
        let image = read(directory, name)?;
        let text = image
            .text
            .checked_sub(baseline.text)
            .ok_or("smaller than the device alone")?;
        let runtime: u64 = image
            .functions
            .values()
            .filter(|f| f.is_runtime())
            .map(|f| f.size)
            .sum();
        let stack = stack::deepest(&image).ok_or("an image has no main")?;
        let panics = panics(&image);
        let goal = goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal}"));
        println!(
            "{name:<8} {text:>6} {runtime:>10} {:>5} {:>5} {stack:>6} {panics:>7} {goal:>5}",
            image.data, image.bss
        );
        figures.add(format!("{target} {name} text"), text);
        figures.add(format!("{target} {name} data"), image.data);
        figures.add(format!("{target} {name} bss"), image.bss);
        if panics != 0 {
            faults.push(format!("{target} {name}: {}", panickers(&image)));
        }
    }
    let state = read(directory, STATE)?;
    let receiver = length(&state, "RECEIVER")?;
    let sender = length(&state, "SENDER")?;
    let one = length(&state, "SERVER_OF_1")?;
    let session = length(&state, "SERVER_OF_2")? - one;
    println!(
        "state: Receiver {receiver}, Sender {sender} (goal 200), a session of Server {session} (goal 160), Server<1> {one}"
    );
    for (what, octets) in [
        ("receiver", receiver),
        ("sender", sender),
        ("session", session),
    ] {
        figures.add(format!("{target} state {what}"), octets);
    }
    Ok(())
}

/// How many functions that only panicking reaches are in an image.
fn panics(image: &Image) -> usize {
    image
        .functions
        .values()
        .filter(|function| function.is_panic())
        .count()
}

/// Which functions of the protocol can panic, each with the way there through code of others.
fn panickers(image: &Image) -> String {
    let mut ways = Vec::new();
    for function in image.functions.values().filter(|f| is_ours(f)) {
        if let Some(way) = way_to_panic(image, function, &mut BTreeSet::new()) {
            ways.push(format!("{}{way}", function.name));
        }
    }
    format!("can panic:\n    {}", ways.join("\n    "))
}

/// Inlining moves the protocol into the loops of the images, and they into `main`.
fn is_ours(function: &Function) -> bool {
    ["tftp_proto::", "size_images::", "cortex_m_rt_main"]
        .iter()
        .any(|word| function.name.contains(word))
        && !function.name.contains("heapless::")
}

fn way_to_panic(image: &Image, from: &Function, seen: &mut BTreeSet<u64>) -> Option<String> {
    let callees: Vec<u64> = from
        .calls
        .iter()
        .copied()
        .filter(|callee| seen.insert(*callee))
        .collect();
    callees.into_iter().find_map(|callee| {
        let function = image.functions.get(&callee)?;
        if function.is_panic() {
            Some(format!(" -> {}", function.name))
        } else if is_ours(function) {
            None
        } else {
            let way = way_to_panic(image, function, seen)?;
            Some(format!(" -> {}{way}", function.name))
        }
    })
}

fn length(image: &Image, name: &str) -> Result<u64, String> {
    let path = format!("::{name}");
    let mut found = image
        .objects
        .iter()
        .filter(|(object, _)| object.ends_with(&path));
    found
        .next()
        .map(|(_, octets)| *octets)
        .ok_or(format!("no constant {name}"))
}

/// The functions of each image, longest first.
fn symbols(directory: &Path) -> Result<(), Box<dyn Error>> {
    for (name, _) in IMAGES {
        let image = read(directory, name)?;
        let mut functions: Vec<&Function> = image.functions.values().collect();
        functions.sort_by(|a, b| b.size.cmp(&a.size).then(a.name.cmp(&b.name)));
        println!("\n{name}: octets, stack, function");
        for function in functions {
            let frame = function
                .frame
                .map_or_else(|| "?".to_owned(), |frame| frame.to_string());
            println!("{:>6} {frame:>5}  {}", function.size, function.name);
        }
    }
    Ok(())
}
