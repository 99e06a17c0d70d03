//! Every generated message goes through the transcoder and through prost-reflect; the two must agree.

use std::cell::Cell;
use std::time::Duration;

use arbtest::arbtest;

use super::contract::{descriptor, message};
use super::oracle::agree;

#[test]
fn generated_messages_agree_with_prost_reflect() {
    let ran = Cell::new(0);
    arbtest(|u| {
        let names = ["Scalars", "Optionals", "Lists", "Maps", "Known", "Choices", "Every"];
        let name = *u.choose(&names)?;
        agree(name, &message(u, &descriptor(name), 2)?);
        ran.set(ran.get() + 1);
        Ok(())
    })
    .size_min(1 << 10)
    .budget(Duration::from_secs(3))
    .run();
    println!("{} messages agreed", ran.get());
    assert!(ran.get() > 10);
}
