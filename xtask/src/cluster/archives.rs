//! The archives of our own image in the cache: one, after each build. Who reads one holds the folder's lock together with
//! other readers; who makes one, and removes the former ones, holds it alone.

use super::progress::Failure;
use crate::repo;
use anyhow::{Context as _, Result};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

/// An archive that stays for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Where it is.
    pub(crate) path: PathBuf,
    _lock: File,
}

impl Archive {
    /// The archive of this tag; `pack` makes it, at the path that it is given, unless it is there.
    pub(super) fn ensure(tag: &str, pack: impl Fn(&Path) -> Result<()>) -> Result<Self> {
        Self::ensure_in(&folder()?, tag, pack)
    }

    /// The archive of an image that was built here.
    pub(crate) fn of(image: &str) -> Result<Self> {
        let (_, tag) = image.rsplit_once(':').context("the image has a tag")?;
        let folder = folder()?;
        let lock = open(&folder)?;
        shared(&lock)?;
        let path = path(&folder, tag);
        if !path.exists() {
            return Err(Failure::new(
                format!("the archive of {image} is no more: another image was built since"),
                "run `cargo xtask up`, which builds and imports the image of this checkout",
            )
            .into());
        }
        Ok(Self { path, _lock: lock })
    }

    fn ensure_in(folder: &Path, tag: &str, pack: impl Fn(&Path) -> Result<()>) -> Result<Self> {
        let (lock, path) = (open(folder)?, path(folder, tag));
        loop {
            shared(&lock)?;
            if path.exists() {
                return Ok(Self { path, _lock: lock });
            }
            alone(&lock)?;
            // Somebody else may have made it while we waited.
            if !path.exists() {
                forget_former(folder)?;
                let unfinished = folder.join("unfinished.tar");
                pack(&unfinished)?;
                fs::rename(&unfinished, &path)?;
            }
        }
    }
}

fn folder() -> Result<PathBuf> {
    let folder = repo::cache()?.join("image");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn path(folder: &Path, tag: &str) -> PathBuf {
    folder.join(format!("{tag}.tar"))
}

fn open(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))
}

fn shared(lock: &File) -> Result<()> {
    lock.unlock()?;
    wait(lock.try_lock_shared(), || lock.lock_shared())
}

fn alone(lock: &File) -> Result<()> {
    lock.unlock()?;
    wait(lock.try_lock(), || lock.lock())
}

fn wait(
    tried: std::result::Result<(), TryLockError>,
    lock: impl FnOnce() -> std::io::Result<()>,
) -> Result<()> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            eprintln!("another `cargo xtask` packs or imports an image; waiting for it …");
            Ok(lock()?)
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Archives of earlier builds are of no use to anybody.
fn forget_former(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use common_scratch::Folder;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn pack(path: &Path) -> Result<()> {
        Ok(fs::write(path, "an image")?)
    }

    #[test]
    fn an_archive_stays_while_it_is_read_and_goes_with_the_next() {
        let folder = Folder::new("archives").expect("a folder");
        let first = Archive::ensure_in(folder.path(), "1", pack).expect("packed");
        let other = open(folder.path()).expect("there");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        other.try_lock_shared().expect("readers share it");
        other.unlock().expect("ours");
        let path = first.path.clone();
        drop(first);
        let second = Archive::ensure_in(folder.path(), "2", pack).expect("packed");
        assert!(!path.exists() && second.path.exists());
    }

    #[test]
    fn two_at_a_time_pack_once() {
        let folder = Folder::new("archives").expect("a folder");
        let packed = AtomicU32::new(0);
        let both = || {
            // Let go of at once: the other one may wait to hold the folder alone.
            Archive::ensure_in(folder.path(), "1", |path| {
                packed.fetch_add(1, Ordering::Relaxed);
                pack(path)
            })
            .map(drop)
        };
        std::thread::scope(|scope| {
            for thread in [scope.spawn(both), scope.spawn(both)] {
                thread.join().expect("no panic").expect("an archive");
            }
        });
        assert_eq!(packed.into_inner(), 1);
    }
}
