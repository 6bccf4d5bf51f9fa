#include "tools/job_store.h"

#include <array>
#include <utility>

#include "base/clock.h"
#include "tools/run_spool.h"
#include "tools/tool_result_json.h"

namespace casemate::tools {

namespace {

constexpr std::array<Migration, 2> kMigrations = {{
    {1, R"(
CREATE TABLE jobs(
  id TEXT PRIMARY KEY,
  tool TEXT NOT NULL,
  principal TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL,
  status TEXT NOT NULL
    CHECK(status IN ('working', 'input_required', 'completed', 'failed', 'cancelled')),
  status_message TEXT NOT NULL,
  result TEXT,
  audit_seq INTEGER NOT NULL) STRICT;
CREATE INDEX jobs_by_principal ON jobs(principal, created_ms);
CREATE INDEX jobs_open ON jobs(incarnation) WHERE status IN ('working', 'input_required');
)"},
    // Of older jobs the result says it.
    {2, "ALTER TABLE jobs ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0"},
}};
constexpr const char* kServerEnded = "the server that ran it ended";

Error NoSuchJob() {
  return Error{ErrorCode::kNotFound,
               "there is no such job",
               {},
               "use the job_id that `run` with background: true returned; jobs are kept for 7 days",
               0};
}

Result<void> Run(Statement& statement) {
  auto done = statement.Step();
  statement.Reset();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

Result<JobView> JobOf(const Statement& row) {
  JobView job;
  job.id = row.Text(0);
  job.tool = row.Text(1);
  job.owner = row.Text(2);
  job.created_ms = row.Int(4);
  job.updated_ms = row.Int(5);
  job.ttl_ms = row.Int(6);
  job.status = JobStatusFromName(row.Text(7)).value_or(JobStatus::kFailed);
  job.status_message = row.Text(8);
  job.audit_seq = row.Int(10);
  job.untrusted = row.Int(11) != 0;
  if (!row.IsNull(9)) {
    auto result = DecodeToolResult(row.Text(9));
    if (!result) {
      return std::move(result).error();
    }
    job.untrusted = job.untrusted ||
                    (result->structured.is_object() && result->structured.contains("untrusted"));
    job.result = *std::move(result);
  }
  return job;
}

}  // namespace

Result<std::unique_ptr<JobStore>> JobStore::Open(Store& store, std::string incarnation,
                                                 IsAlive is_alive, JobStoreOptions options) {
  if (auto migrated = store.Migrate("jobs", kMigrations); !migrated) {
    return std::move(migrated).error();
  }
  std::unique_ptr<JobStore> jobs(
      new JobStore(store, std::move(incarnation), std::move(is_alive), options));
  if (auto failed = jobs->FailDead(); !failed) {
    return std::move(failed).error();
  }
  if (auto pruned = store.Transaction([&] { return jobs->Prune(); }); !pruned) {
    return std::move(pruned).error();
  }
  return jobs;
}

Result<void> JobStore::FailDead() {
  std::vector<std::string> incarnations;
  {
    const auto lock = store_.Lock();
    auto query = store_.Prepare(
        "SELECT DISTINCT incarnation FROM jobs WHERE status IN ('working', 'input_required')");
    if (!query) {
      return std::move(query).error();
    }
    auto row = query->Step();
    for (; row && *row; row = query->Step()) {
      incarnations.push_back(query->Text(0));
    }
    if (!row) {
      return std::move(row).error();
    }
  }
  for (const std::string& incarnation : incarnations) {
    if (incarnation != incarnation_ && !is_alive_(incarnation)) {
      if (auto failed = FailJobsOf(incarnation); !failed) {
        return failed;
      }
    }
  }
  return {};
}

Result<void> JobStore::FailJobsOf(const std::string& incarnation) {
  return store_.Transaction([&]() -> Result<void> {
    auto update = store_.Prepare(
        "UPDATE jobs SET status = 'failed', status_message = ?1, updated_ms = ?2"
        " WHERE incarnation = ?3 AND status IN ('working', 'input_required')");
    if (!update) {
      return std::move(update).error();
    }
    update->BindText(1, kServerEnded).BindInt(2, WallClockMs()).BindText(3, incarnation);
    return Run(*update);
  });
}

// Inside a transaction. What has not ended is never forgotten; of the others, who has most loses
// first.
Result<void> JobStore::Prune() {
  auto remove = store_.Prepare(
      "DELETE FROM jobs WHERE status NOT IN ('working', 'input_required') AND"
      " (created_ms + ttl_ms < ?1 OR id IN"
      "  (SELECT id FROM (SELECT id, created_ms, row_number() OVER"
      "    (PARTITION BY principal ORDER BY created_ms DESC, rowid DESC) AS place FROM jobs)"
      "   ORDER BY place, created_ms DESC, id LIMIT -1 OFFSET ?2))");
  if (!remove) {
    return std::move(remove).error();
  }
  remove->BindInt(1, WallClockMs()).BindInt(2, options_.max_jobs);
  return Run(*remove);
}

Result<void> JobStore::Insert(JobView& job) {
  job.ttl_ms = options_.ttl_ms;
  return store_.Transaction([&]() -> Result<void> {
    auto insert = store_.Prepare(
        "INSERT INTO jobs(id, tool, principal, incarnation, created_ms, updated_ms, ttl_ms,"
        " status, status_message, audit_seq, untrusted)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    if (!insert) {
      return std::move(insert).error();
    }
    insert->BindText(1, job.id).BindText(2, job.tool).BindText(3, job.owner);
    insert->BindText(4, incarnation_).BindInt(5, job.created_ms).BindInt(6, job.updated_ms);
    insert->BindInt(7, job.ttl_ms).BindText(8, ToString(job.status));
    insert->BindText(9, job.status_message).BindInt(10, job.audit_seq);
    insert->BindInt(11, job.untrusted ? 1 : 0);
    if (auto inserted = Run(*insert); !inserted) {
      return inserted;
    }
    return Prune();
  });
}

Result<void> JobStore::Update(const JobView& job) {
  return store_.Transaction([&]() -> Result<void> {
    auto update = store_.Prepare(
        "UPDATE jobs SET status = ?1, status_message = ?2, updated_ms = ?3, result = ?4"
        " WHERE id = ?5 AND incarnation = ?6 AND status IN ('working', 'input_required')");
    if (!update) {
      return std::move(update).error();
    }
    update->BindText(1, ToString(job.status)).BindText(2, job.status_message);
    update->BindInt(3, job.updated_ms).BindText(5, job.id).BindText(6, incarnation_);
    if (job.result) {  // otherwise NULL
      update->BindText(4, EncodeToolResult(*job.result));
    }
    return Run(*update);
  });
}

Result<JobStore::Found> JobStore::Find(std::string_view id, std::string_view owner) {
  // Twice at most: the second time after the jobs of a dead server were failed.
  for (int attempt = 0;; ++attempt) {
    std::string incarnation;
    {
      const auto lock = store_.Lock();
      auto query = store_.Prepare(
          "SELECT id, tool, principal, incarnation, created_ms, updated_ms, ttl_ms, status,"
          " status_message, result, audit_seq, untrusted FROM jobs WHERE id = ?1 AND principal = "
          "?2");
      if (!query) {
        return std::move(query).error();
      }
      auto row = query->BindText(1, id).BindText(2, owner).Step();
      if (!row) {
        return std::move(row).error();
      }
      if (!*row) {
        return NoSuchJob();
      }
      auto job = JobOf(*query);
      if (!job) {
        return std::move(job).error();
      }
      incarnation = query->Text(3);
      if (HasEnded(job->status) || incarnation == incarnation_ || attempt > 0) {
        return Found{*std::move(job), incarnation == incarnation_};
      }
    }
    if (!is_alive_(incarnation)) {
      if (auto failed = FailJobsOf(incarnation); !failed) {
        return std::move(failed).error();
      }
    }
  }
}

Result<std::vector<std::string>> JobStore::Complete(std::string_view prefix,
                                                    std::string_view owner) {
  constexpr std::size_t kMaxCandidates = 101;  // see kMaxCompletions
  std::vector<std::string> ids;
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      "SELECT id FROM jobs WHERE principal = ?1 ORDER BY created_ms DESC, rowid DESC");
  if (!query) {
    return std::move(query).error();
  }
  query->BindText(1, owner);
  auto row = query->Step();
  for (; row && *row && ids.size() < kMaxCandidates; row = query->Step()) {
    if (std::string id = query->Text(0); id.starts_with(prefix)) {
      ids.push_back(std::move(id));
    }
  }
  return row ? Result<std::vector<std::string>>(std::move(ids))
             : Result<std::vector<std::string>>(std::move(row).error());
}

}  // namespace casemate::tools
