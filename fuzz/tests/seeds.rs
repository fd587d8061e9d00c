//! Every target runs over its seeds, and over each of them cut off and with every byte changed.

use std::{fs, path::Path};

#[test]
fn targets_hold_on_their_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, target) in claudetools_fuzz::TARGETS {
        let files: Vec<_> = fs::read_dir(seeds.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} has no seed");
        let mut inputs = 0;
        for file in &files {
            let bytes = fs::read(file).unwrap();
            target(&bytes);
            for at in 0..bytes.len() {
                target(&bytes[..at]);
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                target(&changed);
                inputs += 2;
            }
        }
        println!("{name}: {} seeds, {inputs} inputs made of them", files.len());
    }
}

/// Otherwise the targets would hold because nothing is ever accepted.
#[test]
fn the_seeds_that_are_sealed_and_signed_are_accepted() {
    use claudetools_fuzz::seeds;
    for (name, made) in seeds::made() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
        assert_eq!(fs::read(path).unwrap().len(), made.len(), "{name}: write the seeds anew");
    }
    assert!(seeds::are_accepted());
}
