//! Password hashes, and how many are computed at once.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use spectra_mesh::Error;
use tokio::sync::Semaphore;

use crate::Cost;

/// How many sign-ins may wait for a core.
const QUEUE: usize = 32;
/// How long each may wait.
const WAIT: Duration = Duration::from_secs(1);

/// The hasher, with as many hands as the machine has cores: that bounds the memory, too.
#[derive(Clone)]
pub(crate) struct Passwords {
    hasher: Arc<Hasher>,
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Which of the stored hashes a password fits.
pub(crate) struct Fit {
    /// The place of the hash among those asked about.
    pub(crate) index: usize,
    /// A new hash of the same password, when the stored one was cheaper than is wanted now.
    pub(crate) renewed: Option<String>,
}

struct Hasher {
    pepper: [u8; 32],
    params: Params,
    /// Stands in for users that do not exist, so that they take as long.
    dummy: String,
}

impl Passwords {
    /// A hasher of this cost, which mixes the pepper into every hash.
    pub(crate) async fn new(pepper: [u8; 32], cost: Cost) -> Result<Self, Error> {
        let cores = available_parallelism().map_or(1, usize::from);
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(Error::broken)?;
        let hasher = tokio::task::spawn_blocking(move || {
            let hasher = Hasher { pepper, params, dummy: String::new() };
            Ok::<_, Error>(Hasher { dummy: hasher.hash("nobody's password")?, ..hasher })
        });
        Ok(Self {
            hasher: Arc::new(hasher.await.map_err(Error::broken)??),
            cores: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores + QUEUE)),
        })
    }

    /// The one of `stored` that the password fits; none when it fits none or several. Without any
    /// stored, the work of one is done all the same.
    pub(crate) async fn fit(&self, password: String, stored: Vec<String>) -> Result<Option<Fit>, Error> {
        self.work(move |hasher| hasher.fit(&password, &stored)).await
    }

    /// The hash to store of a password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        self.work(move |hasher| hasher.hash(&password)).await
    }

    /// Does `work` on a thread of its own once a core is free.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&Hasher) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        const BUSY: Error = Error::exhausted("too many people sign in just now; try again in a moment");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| BUSY)?;
        let core = tokio::time::timeout(WAIT, Arc::clone(&self.cores).acquire_owned()).await.map_err(|_| BUSY)?.map_err(Error::broken)?;
        let hasher = Arc::clone(&self.hasher);
        let worked = tokio::task::spawn_blocking(move || {
            // Held to the end of the work: whoever asked may go away, the thread does not.
            let _held = (place, core);
            work(&hasher)
        });
        worked.await.map_err(Error::broken)?
    }
}

impl Hasher {
    fn fit(&self, password: &str, stored: &[String]) -> Result<Option<Fit>, Error> {
        if stored.is_empty() {
            self.fits(password, &self.dummy);
            return Ok(None);
        }
        let mut fits = stored.iter().enumerate().filter(|(_, hash)| self.fits(password, hash));
        let (Some((index, hash)), None) = (fits.next(), fits.next()) else { return Ok(None) };
        let renewed = if self.outdated(hash) { Some(self.hash(password)?) } else { None };
        Ok(Some(Fit { index, renewed }))
    }

    fn hash(&self, password: &str) -> Result<String, Error> {
        let hash = self.argon2()?.hash_password(password.as_bytes()).map_err(Error::broken)?;
        Ok(hash.to_string())
    }

    /// Whether the password is the stored one, at the cost that the stored hash was made with.
    fn fits(&self, password: &str, stored: &str) -> bool {
        self.argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), stored).is_ok())
    }

    fn outdated(&self, stored: &str) -> bool {
        let Ok(hash) = PasswordHash::new(stored) else { return true };
        let Ok(params) = Params::try_from(&hash) else { return true };
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
    }

    fn argon2(&self) -> Result<Argon2<'_>, Error> {
        Argon2::new_with_secret(&self.pepper, Algorithm::Argon2id, Version::V0x13, self.params.clone()).map_err(Error::broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn passwords(pepper: u8, cost: Cost) -> Passwords {
        Passwords::new([pepper; 32], cost).await.expect("a hasher")
    }

    async fn place(passwords: &Passwords, password: &str, stored: &[&str]) -> Option<usize> {
        let stored = stored.iter().map(|&hash| hash.to_owned()).collect();
        passwords.fit(password.to_owned(), stored).await.expect("a core is free").map(|fit| fit.index)
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_to_the_letter() {
        let passwords = passwords(1, Cost::FOR_TESTS).await;
        let hash = passwords.hash("pa\u{df}w\u{f6}rd ".to_owned()).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(place(&passwords, "pa\u{df}w\u{f6}rd ", &[&hash]).await, Some(0));
        for other in ["pa\u{df}w\u{f6}rd", "PA\u{df}w\u{f6}rd ", "passw\u{f6}rd ", "pa\u{df}wo\u{308}rd ", ""] {
            assert_eq!(place(&passwords, other, &[&hash]).await, None, "{other:?}");
        }
    }

    #[tokio::test]
    async fn it_must_fit_exactly_one() {
        let passwords = passwords(1, Cost::FOR_TESTS).await;
        let first = passwords.hash("first".to_owned()).await.expect("a hash");
        let second = passwords.hash("second".to_owned()).await.expect("a hash");
        let again = passwords.hash("second".to_owned()).await.expect("a hash");
        assert_ne!(second, again, "each salt is new");
        assert_eq!(place(&passwords, "second", &[&first, &second]).await, Some(1));
        assert_eq!(place(&passwords, "second", &[&second, &first, &again]).await, None);
        assert_eq!(place(&passwords, "third", &[&first, &second]).await, None);
        assert_eq!(place(&passwords, "first", &[]).await, None);
        assert_eq!(place(&passwords, "nobody's password", &[]).await, None);
        assert_eq!(place(&passwords, "first", &["", "$argon2id$", "first", &first]).await, Some(3));
    }

    #[tokio::test]
    async fn the_pepper_is_part_of_it() {
        let hash = passwords(1, Cost::FOR_TESTS).await.hash("secret".to_owned()).await.expect("a hash");
        assert_eq!(place(&passwords(2, Cost::FOR_TESTS).await, "secret", &[&hash]).await, None);
    }

    #[tokio::test]
    async fn cheap_hashes_are_renewed() {
        let (cheap, dear) = (passwords(1, Cost::FOR_TESTS).await, passwords(1, Cost { memory_kib: 128, passes: 1 }).await);
        let stored = cheap.hash("secret".to_owned()).await.expect("a hash");
        let fit = dear.fit("secret".to_owned(), vec![stored]).await.expect("a core is free").expect("it fits");
        let renewed = fit.renewed.expect("a new hash");
        assert!(renewed.contains("$m=128,t=1,p=1$"), "{renewed}");
        for passwords in [cheap, dear] {
            let fit = passwords.fit("secret".to_owned(), vec![renewed.clone()]).await.expect("a core is free").expect("it fits");
            assert!(fit.renewed.is_none());
        }
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_at_once() {
        let passwords = passwords(1, Cost::FOR_TESTS).await;
        let all = passwords.places.available_permits();
        let waiting = Arc::clone(&passwords.places).acquire_many_owned(u32::try_from(all).expect("few")).await.expect("open");
        assert!(matches!(passwords.hash("secret".to_owned()).await, Err(Error::Exhausted(..))));
        drop(waiting);
        assert!(passwords.hash("secret".to_owned()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long() {
        let passwords = passwords(1, Cost::FOR_TESTS).await;
        let all = passwords.cores.available_permits();
        let _busy = Arc::clone(&passwords.cores).acquire_many_owned(u32::try_from(all).expect("few")).await.expect("open");
        assert!(matches!(passwords.hash("secret".to_owned()).await, Err(Error::Exhausted(..))));
    }
}
