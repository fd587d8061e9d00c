//! Writes the seeds that are sealed or signed.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, bytes) in claudetools_fuzz::seeds::made() {
        let path = seeds.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&seeds))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}
