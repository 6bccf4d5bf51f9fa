#include "mcp/server/listens.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace casemate::mcp {

using nlohmann::json;

namespace {

json Marked(json params, const jsonrpc::RequestId& id) {
  params["_meta"][kMetaSubscription] = jsonrpc::ToJson(id);
  return params;
}

}  // namespace

bool ListenFilter::Wants(const tools::Change& change) const {
  switch (change.kind) {
    case tools::Change::Kind::kToolList:
      return tools;
    case tools::Change::Kind::kPromptList:
      return prompts;
    case tools::Change::Kind::kResourceList:
      return resources;
    case tools::Change::Kind::kResource:
      return uris.contains(change.subject);
    case tools::Change::Kind::kJob:
      return tasks.contains(change.subject);
  }
  return false;
}

bool Listens::Open(const jsonrpc::RequestId& id, ListenFilter filter, const json& honoured,
                   const MessageSinkPtr& sink, ReplyOnce reply) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    reply.Forget();
    return false;
  }
  // Under the lock: no change may overtake the acknowledgement.
  sink->Send(jsonrpc::SerializeNotification("notifications/subscriptions/acknowledged",
                                            Marked({{"notifications", honoured}}, id)),
             SendClass::kReply);
  open_.emplace(id, Listen{std::move(filter), sink, std::move(reply)});
  return true;
}

bool Listens::Contains(const jsonrpc::RequestId& id) const {
  const std::lock_guard lock(mutex_);
  return open_.contains(id);
}

void Listens::Cancel(const jsonrpc::RequestId& id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = open_.find(id); found != open_.end()) {
    found->second.reply.Forget();
    open_.erase(found);
  }
}

void Listens::Close(const ServerIdentity& identity) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto& [id, listen] : open_) {
    listen.reply.Succeed(Complete(AllEditions().back(), identity, Marked(json::object(), id)));
  }
  open_.clear();
}

bool Listens::Wants(const tools::Change& change) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(open_,
                             [&](const auto& entry) { return entry.second.filter.Wants(change); });
}

void Listens::Notify(const tools::Change& change, const std::string& method, const json& params) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, listen] : open_) {
    if (listen.filter.Wants(change)) {
      listen.sink->Send(jsonrpc::SerializeNotification(method, Marked(params, id)),
                        SendClass::kProgress);
    }
  }
}

}  // namespace casemate::mcp
