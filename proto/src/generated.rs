//! What prost and tonic write. The modules nest as the packages do: the code refers to other
//! packages by `super`.
#![expect(missing_docs, clippy::allow_attributes, clippy::disallowed_methods, clippy::pedantic, reason = "generated code")]

pub(crate) mod buf {
    pub mod validate {
        tonic::include_proto!("buf.validate");
    }
}

pub(crate) mod google {
    pub mod api {
        tonic::include_proto!("google.api");
    }
}

pub(crate) mod spectra {
    pub(crate) mod analysis {
        pub mod v1 {
            tonic::include_proto!("spectra.analysis.v1");
        }
    }
    pub(crate) mod identity {
        pub mod v1 {
            tonic::include_proto!("spectra.identity.v1");
        }
    }
    pub(crate) mod lims {
        pub mod v1 {
            tonic::include_proto!("spectra.lims.v1");
        }
    }
    pub(crate) mod policy {
        pub(crate) mod v1 {
            tonic::include_proto!("spectra.policy.v1");
        }
    }
    pub(crate) mod r#type {
        pub mod v1 {
            // prost names the file after the module.
            tonic::include_proto!("spectra.r#type.v1");
        }
    }
}
