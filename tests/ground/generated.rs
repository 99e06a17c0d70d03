//! What prost and tonic write of the ground's contract.
#![expect(clippy::allow_attributes, clippy::disallowed_methods, clippy::pedantic, reason = "generated code")]
#![expect(unreachable_pub, reason = "generated code")]

pub(crate) mod every {
    pub(crate) mod v1 {
        tonic::include_proto!("every.v1");
    }
}

pub(crate) mod ground {
    pub(crate) mod v1 {
        tonic::include_proto!("ground.v1");
    }
}
