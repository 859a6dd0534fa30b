/// The server-side scripts. A script that writes does all its checks first, so a refusal leaves everything as it was.
enum RedisScript: CaseIterable {
    case beginLedger
    case commit
    case createGroup
    case removeConsumers
    case publishQuote
    case registerQuoteConsumer
    case advanceQuoteCursor
    case acquireLease
    case releaseLease
    case quiescence
    case trim
    case takeRequest
    case postNotice
    case endNotice

    var source: String {
        switch self {
        case .beginLedger: Self.beginLedgerSource
        case .commit: Self.commitSource
        case .createGroup: Self.createGroupSource
        case .removeConsumers: Self.removeConsumersSource
        case .publishQuote: Self.publishQuoteSource
        case .registerQuoteConsumer: Self.registerQuoteConsumerSource
        case .advanceQuoteCursor: Self.advanceQuoteCursorSource
        case .acquireLease: Self.acquireLeaseSource
        case .releaseLease: Self.releaseLeaseSource
        case .quiescence: Self.quiescenceSource
        case .trim: Self.trimSource
        case .takeRequest: Self.takeRequestSource
        case .postNotice: Self.postNoticeSource
        case .endNotice: Self.endNoticeSource
        }
    }

    /// Whether the script may only run on the ledger its caller means. Such a script has one key more, the first, and
    /// one argument more, the last: the installation's document and the id this has to hold, or nothing.
    var isGuarded: Bool {
        switch self {
        case .commit, .createGroup, .publishQuote, .registerQuoteConsumer, .advanceQuoteCursor, .acquireLease: true
        // These add nothing to a ledger that there is.
        case .beginLedger, .removeConsumers, .releaseLease, .quiescence, .trim, .takeRequest, .postNotice, .endNotice:
            false
        }
    }

    // Redis does not undo what a failed script has written, so before its first write a script reads each key it is
    // going to write, or asks for its length: what holds another type refuses to tell.
    private static let guardSource = """
        if ARGV[#ARGV] ~= '' and redis.call('HGET', KEYS[1], 'd') ~= ARGV[#ARGV] then
          return redis.error_reply('\(MessageBusError.ledgerReplacedCode) this is another ledger')
        end
        local function wrong(length, key)
          if type(redis.pcall(length, key)) == 'number' then return end
          return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. redis.call('TYPE', key).ok
            .. ', which does not belong there. Nothing was changed; rename or delete that key.')
        end

        """

    // Of HSETNX alone, as nobody may do more with this document. Each field counts, should one be there already.
    // KEYS: the installation. ARGV: its id. Returns the id it has.
    private static let beginLedgerSource = """
        redis.call('HSETNX', KEYS[1], 'd', ARGV[1])
        redis.call('HSETNX', KEYS[1], 'v', 1)
        redis.call('HSETNX', KEYS[1], 's', '')
        return redis.call('HGET', KEYS[1], 'd')
        """

    // KEYS: the installation; the input's stream if ARGV[1] is not empty; document and history of each write; each
    // put's document; document and history of each delete; the set of each addition; the stream of each message.
    // ARGV: group, id; the numbers of writes, puts, deletes, additions, messages; for each write the expected version
    // and state, the new version and state, the body, the number of history entries and these; each put's body; each
    // added member; each message's channel (or nothing) and body; the installation's id.
    // Returns 1: committed, 0: acknowledged before, -n: the n-th write's document has changed.
    // Only trying tells whether a stream's ids are used up, so the messages come first, and those before one that is
    // refused are taken back. The acknowledgement comes last: should a write fail in the middle, the input is delivered
    // again.
    private static let commitSource =
        Self.guardSource + """
            local first = 2
            if ARGV[1] ~= '' then
              first = 3
              if #redis.call('XPENDING', KEYS[2], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return 0 end
            end
            local writes, puts, deletes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
            local additions, messages = tonumber(ARGV[6]), tonumber(ARGV[7])
            local key, at, problem = first, 8, nil
            for n = 1, writes do
              local entries = tonumber(ARGV[at + 5])
              local stored = redis.pcall('HMGET', KEYS[key], 'v', 's')
              problem = stored.err and wrong('HLEN', KEYS[key]) or entries > 0 and wrong('LLEN', KEYS[key + 1])
              if problem then return problem end
              local expected = ARGV[at]
              if (stored[1] or '0') ~= expected or (expected ~= '0' and stored[2] ~= ARGV[at + 1]) then return -n end
              key = key + 2
              at = at + 6 + entries
            end
            for n = 1, puts do
              problem = problem or wrong('HLEN', KEYS[key])
              key = key + 1
            end
            key = key + 2 * deletes
            for n = 1, additions do
              problem = problem or wrong('SCARD', KEYS[key])
              key = key + 1
            end
            for n = 1, messages do
              problem = problem or wrong('XLEN', KEYS[key])
              key = key + 1
            end
            if problem then return problem end
            local stream, body, ids = #KEYS - messages, #ARGV - 2 * messages - 1, {}
            for n = 1, messages do
              local id = redis.pcall('XADD', KEYS[stream + n], '*', 'd', ARGV[body + 2 * n])
              if type(id) ~= 'string' then
                for earlier = 1, n - 1 do redis.call('XDEL', KEYS[stream + earlier], ids[earlier]) end
                if not string.find(id.err, 'exhausted') then return id end
                return redis.error_reply('\(MessageBusError.streamUsedUpCode) ' .. KEYS[stream + n])
              end
              ids[n] = id
            end
            key, at = first, 8
            for n = 1, writes do
              redis.call('HSET', KEYS[key], 'v', ARGV[at + 2], 's', ARGV[at + 3], 'd', ARGV[at + 4])
              local entries = tonumber(ARGV[at + 5])
              at = at + 6
              for entry = 1, entries do
                redis.call('RPUSH', KEYS[key + 1], ARGV[at])
                at = at + 1
              end
              key = key + 2
            end
            for n = 1, puts do
              redis.call('HSET', KEYS[key], 's', '', 'd', ARGV[at])
              redis.call('HINCRBY', KEYS[key], 'v', 1)
              key = key + 1
              at = at + 1
            end
            for n = 1, deletes do
              redis.call('DEL', KEYS[key], KEYS[key + 1])
              key = key + 2
            end
            for n = 1, additions do
              redis.call('SADD', KEYS[key], ARGV[at])
              key = key + 1
              at = at + 1
            end
            for n = 1, messages do
              if ARGV[at] ~= '' then redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
              at = at + 2
            end
            if ARGV[1] ~= '' then redis.call('XACK', KEYS[2], ARGV[1], ARGV[2]) end
            return 1
            """

    // KEYS: the installation, the stream. ARGV: group, the installation's id.
    private static let createGroupSource =
        Self.guardSource + """
            local answer = redis.pcall('XGROUP', 'CREATE', KEYS[2], ARGV[1], '0', 'MKSTREAM')
            if answer.err and string.sub(answer.err, 1, 9) ~= 'BUSYGROUP' then return answer end
            return 1
            """

    // In one step, since what a consumer owes is lost with it.
    // KEYS: streams. ARGV: group, milliseconds of silence.
    private static let removeConsumersSource = """
        for _, key in ipairs(KEYS) do
          local consumers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
          for _, flat in ipairs(consumers) do
            local consumer = {}
            for field = 1, #flat, 2 do consumer[flat[field]] = flat[field + 1] end
            if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
              redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], consumer.name)
            end
          end
        end
        return 1
        """

    // A backlog of (consumer, quote) pairs is kept beside the cursors, so that asking whether all is dealt with costs
    // the same for one symbol and for a thousand.
    // KEYS: the installation, document, versions, consumers, cursors, backlog.
    // ARGV: quote, version, body, channel, the installation's id.
    private static let publishQuoteSource =
        Self.guardSource + """
            local version = tonumber(ARGV[2])
            local stored = redis.call('HGET', KEYS[2], 'v')
            if stored and tonumber(stored) > version then return 0 end
            local consumers = redis.call('SMEMBERS', KEYS[4])
            local problem = wrong('HLEN', KEYS[3]) or wrong('HLEN', KEYS[5]) or wrong('SCARD', KEYS[6])
            if problem then return problem end
            redis.call('HSET', KEYS[2], 'v', ARGV[2], 's', '', 'd', ARGV[3])
            redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
            for _, consumer in ipairs(consumers) do
              local pair = consumer .. '\\n' .. ARGV[1]
              local cursor = redis.call('HGET', KEYS[5], pair)
              if not cursor or tonumber(cursor) < version then redis.call('SADD', KEYS[6], pair) end
            end
            redis.call('PUBLISH', ARGV[4], ARGV[3])
            return 1
            """

    // KEYS: the installation, versions, consumers, cursors, backlog. ARGV: consumer, the installation's id.
    private static let registerQuoteConsumerSource =
        Self.guardSource + """
            local versions = redis.call('HGETALL', KEYS[2])
            local problem = wrong('HLEN', KEYS[4]) or wrong('SCARD', KEYS[5])
            if problem then return problem end
            redis.call('SADD', KEYS[3], ARGV[1])
            for n = 1, #versions, 2 do
              local pair = ARGV[1] .. '\\n' .. versions[n]
              local cursor = redis.call('HGET', KEYS[4], pair)
              if not cursor or tonumber(cursor) < tonumber(versions[n + 1]) then redis.call('SADD', KEYS[5], pair) end
            end
            return 1
            """

    // KEYS: the installation, versions, cursors, backlog. ARGV: consumer, quote, version, the installation's id.
    private static let advanceQuoteCursorSource =
        Self.guardSource + """
            local pair = ARGV[1] .. '\\n' .. ARGV[2]
            local version = tonumber(ARGV[3])
            local cursor = redis.call('HGET', KEYS[3], pair)
            if cursor and tonumber(cursor) >= version then return 0 end
            local newest = redis.call('HGET', KEYS[2], ARGV[2])
            local problem = wrong('SCARD', KEYS[4])
            if problem then return problem end
            redis.call('HSET', KEYS[3], pair, ARGV[3])
            if newest and tonumber(newest) <= version then redis.call('SREM', KEYS[4], pair) end
            return 1
            """

    // KEYS: the installation, the lease. ARGV: holder, milliseconds, the installation's id.
    private static let acquireLeaseSource =
        Self.guardSource + """
            local holder = redis.call('GET', KEYS[2])
            if holder and holder ~= ARGV[1] then return 0 end
            redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
            return 1
            """

    // KEYS: lease. ARGV: holder.
    private static let releaseLeaseSource = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
        return 1
        """

    // What is asked for is costly (XINFO), and most times nothing has changed since the last answer: then the streams
    // have the lengths they had, and have not been trimmed.
    // XINFO's lag is unknown after deletions, so what has not been delivered is looked for itself.
    // KEYS: the stream of each group, the backlog of quotes, the count of trims. ARGV: the fingerprint of the streams
    // when they were last found settled, then for each group the stream's name and its own.
    // Returns what is busy, or when settled the streams' fingerprint as the only element of an array.
    private static let quiescenceSource = """
        local print = { redis.call('GET', KEYS[#KEYS]) or '0' }
        for n = 1, #KEYS - 2 do print[n + 1] = redis.call('XLEN', KEYS[n]) end
        print = table.concat(print, ' ')
        if print ~= ARGV[1] then
          local groups = {}
          for n = 1, #KEYS - 2 do
            local key, stream, name = KEYS[n], ARGV[2 * n], ARGV[2 * n + 1]
            if not groups[key] then
              groups[key] = {}
              local answer = redis.pcall('XINFO', 'GROUPS', key)
              if answer.err then return 'stream ' .. stream .. ' does not exist' end
              for _, flat in ipairs(answer) do
                local group = {}
                for field = 1, #flat, 2 do group[flat[field]] = flat[field + 1] end
                groups[key][group.name] = group
              end
            end
            local group = groups[key][name]
            if not group then return 'group ' .. name .. ' does not exist on stream ' .. stream end
            if group.pending > 0 then
              return 'group ' .. name .. ' has unacknowledged messages of stream ' .. stream
            end
            if #redis.call('XRANGE', key, '(' .. group['last-delivered-id'], '+', 'COUNT', 1) > 0 then
              return 'group ' .. name .. ' has unread messages of stream ' .. stream
            end
          end
        end
        local pair = redis.call('SRANDMEMBER', KEYS[#KEYS - 1])
        if pair then
          local consumer, quote = string.match(pair, '^(.-)\\n(.*)$')
          return 'consumer ' .. consumer .. ' has not dealt with the latest of ' .. quote
        end
        return { print }
        """

    // Goes by portions, so that a long stream is never copied into the script as a whole.
    // KEYS: stream, the count of trims. ARGV: the length to keep, the groups that count.
    private static let trimSource = """
        local function before(a, b)
          local a1, a2 = string.match(a, '(%d+)-(%d+)')
          local b1, b2 = string.match(b, '(%d+)-(%d+)')
          if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
          return tonumber(a2) < tonumber(b2)
        end
        local trims = redis.call('GET', KEYS[2])
        if trims and not string.match(trims, '^%d+$') then
          return redis.error_reply('WRONGTYPE ' .. KEYS[2] .. ' holds no count; delete that key.')
        end
        local length = redis.call('XLEN', KEYS[1])
        local excess = length - tonumber(ARGV[1])
        if excess <= 0 then return 0 end
        local counts = {}
        for n = 2, #ARGV do counts[ARGV[n]] = true end
        local limit = '+'
        for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
          local group = {}
          for field = 1, #flat, 2 do group[flat[field]] = flat[field + 1] end
          if counts[group.name] then
            local needed = group['last-delivered-id']
            if group.pending > 0 then needed = redis.call('XPENDING', KEYS[1], group.name)[2] end
            if limit == '+' or before(needed, limit) then limit = needed end
          end
        end
        if limit == '0-0' then return 0 end
        if limit ~= '+' then limit = '(' .. limit end
        local dropped = 0
        while excess > 0 do
          local portion = math.min(excess, 128)
          local found = #redis.call('XRANGE', KEYS[1], '-', limit, 'COUNT', portion)
          dropped = dropped + redis.call('XTRIM', KEYS[1], 'MAXLEN', length - dropped - found)
          excess = excess - found
          if found < portion then break end
        end
        if dropped > 0 then redis.call('INCR', KEYS[2]) end
        return dropped
        """
}
