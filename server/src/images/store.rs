//! The folder of images.

use super::manifest::{Manifest, RunsAt};
use super::sparse::{CopyError, copy_sparse};
use std::io;
use std::path::{Path, PathBuf};

/// Why an image cannot be used or added; each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No such image.
    #[error(
        "There is no image {0}; `oriel image list` shows those there are, `oriel image build` makes one."
    )]
    Missing(String),
    /// There is something, but it is not whole.
    #[error("The image {name} is damaged ({problem}); build or add it again.")]
    Damaged {
        /// Which.
        name: String,
        /// How.
        problem: String,
    },
    /// The name cannot be a folder's.
    #[error(
        "An image's name has 1 to 64 lower-case letters, digits, dots and dashes and begins with a letter; {0} has not."
    )]
    BadName(String),
    /// The name is taken.
    #[error("There is already an image {0}; choose another name or remove its folder first.")]
    Taken(String),
    /// The disk is full.
    #[error("There is no room for the image in {0}; free some and try again.")]
    NoRoom(PathBuf),
    /// The file system's.
    #[error("{path} cannot be used ({source}); check the path and its permissions.")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An image that is whole.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its folder.
    pub dir: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

impl Image {
    /// Reads the image in a folder and checks that its files are there.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn open(dir: &Path, name: &str) -> Result<Self, ImageError> {
        let damaged = |problem: String| ImageError::Damaged { name: name.to_owned(), problem };
        let text = match std::fs::read_to_string(dir.join("image.toml")) {
            Ok(text) => text,
            Err(_) if !dir.exists() => return Err(ImageError::Missing(name.to_owned())),
            Err(error) => return Err(damaged(format!("image.toml: {error}"))),
        };
        let manifest = Manifest::parse(&text).map_err(|problem| damaged(format!("image.toml: {problem}")))?;
        for file in manifest.files() {
            match std::fs::metadata(dir.join(file)) {
                Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
                Ok(_) => return Err(damaged(format!("{} is empty", file.display()))),
                Err(error) => return Err(damaged(format!("{}: {error}", file.display()))),
            }
        }
        Ok(Self { dir: dir.to_owned(), manifest })
    }
}

/// What to make an image of.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// Files to copy in.
    pub kernel: PathBuf,
    /// Initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Raw disk.
    pub disk: Option<PathBuf>,
    /// Kernel command line.
    pub cmdline: String,
    /// Where it runs.
    pub runs_at: RunsAt,
}

/// The images of this server.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

impl ImageStore {
    /// In the given folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where an image of that name lies or would lie.
    ///
    /// # Errors
    /// The name cannot be one.
    pub fn path_of(&self, name: &str) -> Result<PathBuf, ImageError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let ok = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(plain)
            // `NAME.tmp.xxx` is one that is being made.
            && !name.contains(".tmp.");
        if ok { Ok(self.root.join(name)) } else { Err(ImageError::BadName(name.to_owned())) }
    }

    /// The image of that name.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn get(&self, name: &str) -> Result<Image, ImageError> {
        Image::open(&self.path_of(name)?, name)
    }

    /// All images by name, damaged ones with what is wrong.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<(String, Result<Image, ImageError>)>> {
        let mut images = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir()
                && let Ok(dir) = self.path_of(&name)
            {
                let image = Image::open(&dir, &name);
                images.push((name, image));
            }
        }
        images.sort_by(|(one, _), (two, _)| one.cmp(two));
        Ok(images)
    }

    /// Copies the files in and writes the description. It is there whole or not at all.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn add(&self, new: &NewImage) -> Result<Image, ImageError> {
        let dir = self.path_of(&new.name)?;
        if dir.exists() {
            return Err(ImageError::Taken(new.name.clone()));
        }
        let unfinished = self.root.join(format!("{}.tmp.{}", new.name, std::process::id()));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| ImageError::Io { path, source }
        };
        std::fs::create_dir(&unfinished).map_err(io(&unfinished))?;
        let result =
            fill(&unfinished, new).and_then(|()| std::fs::rename(&unfinished, &dir).map_err(io(&dir)));
        if let Err(error) = result {
            let _ = std::fs::remove_dir_all(&unfinished);
            return Err(error);
        }
        self.get(&new.name)
    }
}

fn fill(dir: &Path, new: &NewImage) -> Result<(), ImageError> {
    let copy = |from: &Path, name: &str| {
        copy_sparse(from, &dir.join(name), &mut |_| true).map_err(|error| match error {
            CopyError::NoRoom => ImageError::NoRoom(dir.to_owned()),
            CopyError::Io(source) => ImageError::Io { path: from.to_owned(), source },
            CopyError::CalledOff => {
                ImageError::Io { path: from.to_owned(), source: io::ErrorKind::Interrupted.into() }
            }
        })?;
        Ok::<PathBuf, ImageError>(name.into())
    };
    let manifest = Manifest {
        name: new.name.clone(),
        description: String::new(),
        built: None,
        kernel: copy(&new.kernel, "kernel")?,
        initrd: new.initrd.as_deref().map(|path| copy(path, "initrd.img")).transpose()?,
        disk: new.disk.as_deref().map(|path| copy(path, "disk.raw")).transpose()?,
        cmdline: new.cmdline.clone(),
        min_memory_mib: 0,
        runs_at: new.runs_at,
        sha256: Default::default(),
    };
    let path = dir.join("image.toml");
    let text = toml::to_string(&manifest)
        .map_err(|error| ImageError::Damaged { name: new.name.clone(), problem: error.to_string() })?;
    std::fs::write(&path, text).map_err(|source| ImageError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_image(dir: &Path) -> NewImage {
        std::fs::write(dir.join("guest.elf"), b"ELF").unwrap();
        NewImage {
            name: "bench".into(),
            kernel: dir.join("guest.elf"),
            initrd: None,
            disk: None,
            cmdline: "scene=echo \"quoted\"".into(),
            runs_at: RunsAt::User,
        }
    }

    fn store(dir: &Path) -> ImageStore {
        let root = dir.join("images");
        std::fs::create_dir(&root).unwrap();
        ImageStore::new(root)
    }

    #[test]
    fn an_image_that_is_added_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (store, new) = (store(dir.path()), new_image(dir.path()));
        store.add(&new).unwrap();
        let image = store.get("bench").unwrap();
        assert_eq!(image.manifest.cmdline, new.cmdline);
        assert_eq!(std::fs::read(image.dir.join(image.manifest.kernel)).unwrap(), b"ELF");
        assert_eq!(store.list().unwrap().len(), 1);
        assert!(matches!(store.add(&new), Err(ImageError::Taken(_))));
    }

    #[test]
    fn an_image_with_a_missing_part_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let new = NewImage { disk: Some(dir.path().join("absent.raw")), ..new_image(dir.path()) };
        assert!(matches!(store.add(&new), Err(ImageError::Io { path, .. }) if path.ends_with("absent.raw")));
        assert_eq!(std::fs::read_dir(dir.path().join("images")).unwrap().count(), 0);
    }

    #[test]
    fn missing_and_damaged_images_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        assert!(matches!(store.get("none"), Err(ImageError::Missing(_))));
        assert!(matches!(store.get("../x"), Err(ImageError::BadName(_))));
        let image = store.add(&new_image(dir.path())).unwrap();
        std::fs::write(image.dir.join("kernel"), b"").unwrap();
        assert!(matches!(store.get("bench"), Err(ImageError::Damaged { .. })));
        std::fs::write(image.dir.join("image.toml"), b"kernel = 5").unwrap();
        assert!(matches!(store.get("bench"), Err(ImageError::Damaged { .. })));
    }
}
