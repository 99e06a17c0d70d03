//! The store of files: a directory, or a bucket of S3.

use std::{
    error::Error as Fault, fs::DirBuilder, io, mem, os::unix::fs::DirBuilderExt, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

use bytes::Bytes;
use object_store::{
    GetOptions, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayloadMut, RetryConfig, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use spectra_mesh::{Error, Shares};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    sync::OwnedSemaphorePermit,
    task::JoinSet,
};
use tokio_stream::{Stream, StreamExt};
use tokio_util::io::ReaderStream;
use url::Url;
use uuid::Uuid;

/// How much of a file is written at once to a directory.
const BLOCK: usize = 1 << 20;
/// The same to a bucket: S3 takes no less than 5 MiB, and 10,000 of them.
const PART: usize = 8 << 20;
/// How many of them are on their way to the store.
const AT_ONCE: usize = 2;
/// How many files an organization may send at once: each takes up to three parts of memory.
const SENT_AT_ONCE: usize = 32;
/// How long one that comes then may wait for its turn.
const TURN: Duration = Duration::from_secs(30);
/// What is left free of a directory's disk when nothing else is asked for, as the database may be there too: a twentieth of it, and no more
/// than this.
const RESERVE: u64 = 256 << 20;
/// How much of a file is read at once.
const PIECE: usize = 256 << 10;
/// How long a bucket that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a directory of this machine.
    Directory(PathBuf),
    /// In a bucket of S3, below a prefix; the standard `AWS_` variables say where that is and who we are there.
    Bucket {
        /// Its name.
        name: String,
        /// What all keys begin with; empty when nothing does.
        prefix: String,
    },
}

impl Place {
    /// Reads `s3://bucket/prefix`, `file:///directory`, or a directory as it is.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let wrong = "is a directory, file:///DIRECTORY, or s3://BUCKET/PREFIX";
        let Some((scheme, _)) = text.split_once("://") else {
            return if text.is_empty() { Err(wrong) } else { Ok(Self::Directory(text.into())) };
        };
        let url = Url::parse(text).map_err(|_| wrong)?;
        match (scheme, url.host_str()) {
            ("file", None) => url.to_file_path().map(Self::Directory).map_err(|()| wrong),
            ("s3", Some(name)) => Ok(Self::Bucket { name: name.to_owned(), prefix: url.path().trim_matches('/').to_owned() }),
            _ => Err(wrong),
        }
    }
}

/// The store of files.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    /// The same when it is a directory, which shows unfinished files too.
    directory: Option<LocalFileSystem>,
    /// How large a file may be, in bytes.
    limit: u64,
    /// What is left free of a directory's disk, in bytes, when that was asked for.
    reserve: Option<u64>,
    /// The files that each organization sends just now.
    sent: Arc<Shares<Uuid>>,
}

impl Files {
    /// Opens the store, for files of `limit` bytes at most, with as much of a directory's disk left free as `reserve` says. Refused when the
    /// directory cannot be made.
    pub fn open(place: &Place, limit: u64, reserve: Option<u64>) -> Result<Self, Error> {
        let sent = Arc::new(Shares::of(SENT_AT_ONCE));
        let fault = |what: String, cause: &dyn Fault| Error::broken(format!("{what} cannot keep attachments: {cause}"));
        match place {
            Place::Directory(path) => {
                let fault = |cause: &dyn Fault| fault(path.display().to_string(), cause);
                // Whoever else works on this machine reads no files here.
                DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| fault(&cause))?;
                // What is acknowledged outlives a power cut.
                let directory = LocalFileSystem::new_with_prefix(path).map_err(|cause| fault(&cause))?.with_fsync(true);
                Ok(Self { store: Arc::new(directory.clone()), directory: Some(directory), limit, reserve, sent })
            }
            Place::Bucket { name, prefix } => {
                let retry = RetryConfig { max_retries: 3, retry_timeout: PATIENCE, ..RetryConfig::default() };
                let bucket = AmazonS3Builder::from_env().with_bucket_name(name).with_retry(retry).build();
                let bucket = bucket.map_err(|cause| fault(format!("the bucket {name}"), &cause))?;
                Ok(Self { store: Arc::new(PrefixStore::new(bucket, prefix.as_str())), directory: None, limit, reserve, sent })
            }
        }
    }

    /// How large a file may be, in bytes.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits for a place among the files that an organization sends at once.
    pub(super) async fn place(&self, organization: Uuid) -> Result<OwnedSemaphorePermit, Error> {
        let busy = || Error::exhausted("the organization sends too many files at once; try again in a moment");
        let turn = self.sent.share(organization).acquire_owned();
        tokio::time::timeout(TURN, turn).await.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Begins to write a file.
    pub(super) async fn write(&self, uri: &str) -> Result<Writing, Error> {
        let path = Path::from(uri);
        let upload = self.store.put_multipart(&path).await.map_err(explained)?;
        let disk = match &self.directory {
            Some(directory) => directory.path_to_filesystem(&path).map_err(explained)?.parent().map(Into::into),
            None => None,
        };
        let size = if disk.is_some() { BLOCK } else { PART };
        Ok(Writing { upload, disk, reserve: self.reserve, size, part: PutPayloadMut::new(), parts: JoinSet::new() })
    }

    /// Reads a part of a file, which has `size` bytes in all.
    pub(super) async fn read(&self, uri: &str, first: i64, length: i64, size: i64) -> Result<Contents, Error> {
        let number = |number: i64| u64::try_from(number).map_err(Error::broken);
        let (first, length, size) = (number(first)?, number(length)?, number(size)?);
        let range = first..first + length;
        let asked = GetOptions::new().with_range(Some(range.clone()));
        let found = self.store.get_opts(&Path::from(uri), asked).await.map_err(explained)?;
        if found.meta.size != size || found.range != range {
            return Err(Error::broken(format!("{uri} has {} bytes, not {size}", found.meta.size)));
        }
        Ok(match found.payload {
            GetResultPayload::File(file, _) => {
                let mut file = tokio::fs::File::from_std(file);
                file.seek(io::SeekFrom::Start(first)).await.map_err(Error::broken)?;
                Box::pin(ReaderStream::with_capacity(file.take(length), PIECE).map(|piece| piece.map_err(Error::broken)))
            }
            GetResultPayload::Stream(pieces) => Box::pin(pieces.map(|piece| piece.map_err(explained))),
        })
    }

    /// Removes whatever there is of a file, finished or not. Of a bucket, what is unfinished is removed by a rule of its own.
    pub(super) async fn remove(&self, uri: &str) -> Result<(), Error> {
        let path = Path::from(uri);
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(explained(error)),
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        let file = directory.path_to_filesystem(&path).map_err(explained)?;
        for attempt in 1_u32.. {
            let mut unfinished = file.clone().into_os_string();
            unfinished.push(format!("#{attempt}"));
            match tokio::fs::remove_file(unfinished).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(Error::broken(error)),
            }
        }
        Ok(())
    }
}

/// Where a file is, within the store.
pub(super) fn uri(organization: Uuid, id: Uuid) -> String {
    format!("{organization}/{id}")
}

/// The bytes of a file, as they come.
pub(super) type Contents = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A file that is being written; nobody sees it before it is finished.
#[derive(Debug)]
pub(super) struct Writing {
    upload: Box<dyn MultipartUpload>,
    /// Where it is written, if that is a directory.
    disk: Option<PathBuf>,
    /// What is left free there.
    reserve: Option<u64>,
    /// How large a part is.
    size: usize,
    /// What is not on its way yet.
    part: PutPayloadMut,
    parts: JoinSet<object_store::Result<()>>,
}

impl Writing {
    /// Writes on, once there is room for more on its way.
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        loop {
            let room = self.size - self.part.content_length();
            if bytes.len() < room {
                self.part.push(bytes);
                return Ok(());
            }
            self.part.push(bytes.split_to(room));
            self.send().await?;
        }
    }

    /// Makes the file one that lasts.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        if self.part.content_length() > 0 {
            self.send().await?;
        }
        while let Some(written) = self.parts.join_next().await {
            written.map_err(Error::broken)?.map_err(explained)?;
        }
        self.upload.complete().await.map_err(explained)?;
        Ok(())
    }

    /// Gives it up.
    pub(super) async fn abort(mut self) {
        self.parts.shutdown().await;
        if let Err(error) = self.upload.abort().await {
            // A file that was finished, or whose finishing failed, has no parts any more.
            tracing::debug!(%error, "the parts of a file cannot be given up");
        }
    }

    async fn send(&mut self) -> Result<(), Error> {
        if let Some(disk) = &self.disk {
            let disk = rustix::fs::statvfs(disk).map_err(Error::broken)?;
            let reserve = self.reserve.unwrap_or_else(|| RESERVE.min(disk.f_blocks * disk.f_frsize / 20));
            if disk.f_bavail * disk.f_frsize < reserve {
                return Err(full());
            }
        }
        while self.parts.len() >= AT_ONCE {
            if let Some(written) = self.parts.join_next().await {
                written.map_err(Error::broken)?.map_err(explained)?;
            }
        }
        let part = mem::take(&mut self.part);
        self.parts.spawn(self.upload.put_part(part.into()));
        Ok(())
    }
}

fn full() -> Error {
    tracing::warn!("the store of files is full");
    Error::Full("there is no room to keep the file; nothing of it was kept")
}

/// What the store's failure means to a caller; what it is in itself goes to the log.
fn explained(error: object_store::Error) -> Error {
    let mut cause: Option<&(dyn Fault + 'static)> = Some(&error);
    while let Some(fault) = cause {
        let kind = fault.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)) {
            return full();
        }
        cause = fault.source();
    }
    if matches!(error, object_store::Error::NotFound { .. }) {
        return Error::broken(error);
    }
    tracing::error!(%error, "the store of files does not answer as it should");
    Error::Unavailable("the store of files does not answer; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_or_a_bucket() {
        let bucket = |name: &str, prefix: &str| Place::Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
        for (text, place) in [
            ("/var/lib/spectra/files", Place::Directory("/var/lib/spectra/files".into())),
            ("files", Place::Directory("files".into())),
            ("file:///var/my%20files", Place::Directory("/var/my files".into())),
            ("s3://lab", bucket("lab", "")),
            ("s3://lab/", bucket("lab", "")),
            ("s3://lab/a/b/", bucket("lab", "a/b")),
        ] {
            assert_eq!(Place::read(text), Ok(place), "{text}");
        }
        for wrong in ["", "s3://", "s3:///a", "file://host/a", "http://lab/a", "gs://lab"] {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_disk_that_is_full_is_told_as_one() {
        let failed =
            |kind: io::ErrorKind| explained(object_store::Error::Generic { store: "disk", source: Box::new(io::Error::from(kind)) });
        for full in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
            assert!(matches!(failed(full), Error::Full(_)), "{full}");
        }
        assert!(matches!(failed(io::ErrorKind::PermissionDenied), Error::Unavailable(_)));
    }
}
