tonic::include_proto!("ledger");
