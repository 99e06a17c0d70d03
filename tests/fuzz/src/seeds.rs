//! Where the targets begin: messages of every kind, texts that others found to be hard, and strings that are naughty.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use arbtest::arbitrary::Unstructured;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost_reflect::prost::Message as _;
use serde_json::Value as Json;

use crate::{
    contract::{descriptor, nested, write},
    targets::{DEPTH, MESSAGES},
};

/// How many messages of each kind.
const EACH: u64 = 8;

/// Writes the seeds into a folder for each target below `folder`; `vectors` holds the texts of others, if it is there.
pub fn write_seeds(folder: &Path, vectors: &Path) -> io::Result<()> {
    let folder = |target: &str| -> io::Result<PathBuf> {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    let (texts, wires, messages, parameters) = (folder("text")?, folder("wire")?, folder("message")?, folder("parameters")?);
    for (first, name) in (0..).zip(MESSAGES.iter()) {
        for seed in 0..EACH {
            let file = format!("{name}-{seed}");
            let entropy = noise(u64::from(first) * EACH + seed);
            fs::write(messages.join(&file), [&[first], &*entropy].concat())?;
            let Ok(message) = nested(&mut Unstructured::new(&entropy), &descriptor(name), DEPTH) else { continue };
            let wire = message.encode_to_vec();
            fs::write(wires.join(&file), [&[first], &*wire].concat())?;
            let text = write(name, &wire).map_err(io::Error::other)?;
            fs::write(texts.join(&file), [&[first], text.as_bytes()].concat())?;
        }
        let fields = descriptor(name).fields().map(|field| format!("{}=1", field.name())).collect::<Vec<_>>();
        fs::write(parameters.join(name), [&[first], fields.join("&").as_bytes()].concat())?;
    }
    for (number, (name, text)) in hard_texts(vectors).into_iter().enumerate() {
        let first = MESSAGES.iter().position(|message| message == name).and_then(|place| u8::try_from(place).ok());
        let seed = first.into_iter().chain(text).collect::<Vec<_>>();
        fs::write(texts.join(format!("hard-{number}")), seed)?;
    }
    Ok(())
}

/// Bytes that are always the same.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    bytes.take(1 << 10).collect()
}

/// Texts, and the message that each is to be read as.
fn hard_texts(vectors: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let list = |file: &str, key: &str| {
        let text = fs::read(vectors.join("security/third-party").join(file)).ok();
        let json = text.and_then(|text| serde_json::from_slice::<Json>(&text).ok());
        json.and_then(|json| json[key].as_array().cloned()).unwrap_or_default()
    };
    let bodies = list("json-parsing.json", "cases");
    let bodies = bodies.iter().filter_map(|case| STANDARD.decode(case["body_b64"].as_str()?).ok());
    let strings = list("naughty-strings.json", "strings").into_iter().map(|text| format!("{{\"name\":{text}}}").into_bytes());
    bodies.map(|body| ("google.protobuf.Value", body)).chain(strings.map(|text| ("every.v1.Sample", text))).collect()
}
