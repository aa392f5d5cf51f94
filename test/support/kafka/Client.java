import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own clients, as a process that answers one JSON line with one JSON line: see `line-process.ts`. A request is
 * {"command": name, "arguments": {...}}; the answer {"result": ...} or {"error": text}. It ends with its standard input.
 */
public class Client {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    static final Map<String, Poller> pollers = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            StringBuilder answer = new StringBuilder();
            try {
                JsonNode request = JSON.readTree(line);
                String result = answer(request.get("command").asText(), request.get("arguments"));
                answer.append("{\"result\":").append(result).append('}');
            } catch (Exception error) {
                answer.setLength(0);
                answer.append(JSON.writeValueAsString(Map.of("error", String.valueOf(error))));
            }
            out.append(answer).append('\n').flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** The result, as JSON. */
    static String answer(String command, JsonNode values) throws Exception {
        return switch (command) {
            case "send" -> JSON.writeValueAsString(send(values));
            case "traffic" -> JSON.writeValueAsString(new Traffic(values).run());
            case "assign" -> assign(values);
            case "poll" -> pollers.get(values.get("poller").asText())
                .poll(values.get("records").asInt(), values.get("bytes").asInt());
            case "commit" -> pollers.get(values.get("poller").asText()).commit(values.get("offsets"));
            case "close" -> {
                pollers.remove(values.get("poller").asText()).consumer.close();
                yield "null";
            }
            default -> throw new IllegalArgumentException("unknown command " + command);
        };
    }

    /** A producer for each set of properties; with a transactional.id it is ready for transactions. */
    static KafkaProducer<byte[], byte[]> producer(Map<String, Object> properties) {
        return producers.computeIfAbsent(properties.toString(), key -> {
            KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
            if (properties.containsKey("transactional.id")) producer.initTransactions();
            return producer;
        });
    }

    /** Sends records as they are given; the offset of each, in their order. */
    static List<Map<String, Long>> send(JsonNode values) throws Exception {
        Map<String, Object> properties = JSON.convertValue(values.get("properties"), new TypeReference<>() {});
        String end = values.get("transaction").asText();
        boolean isTransaction = !end.equals("none");
        KafkaProducer<byte[], byte[]> producer = producer(properties);
        if (isTransaction) producer.beginTransaction();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : values.get("records")) sent.add(producer.send(producerRecord(record)));
        producer.flush();
        List<Map<String, Long>> places = new ArrayList<>();
        for (Future<RecordMetadata> one : sent) {
            places.add(Map.of("partition", (long) one.get().partition(), "offset", one.get().offset()));
        }
        if (isTransaction && end.equals("commit")) producer.commitTransaction();
        if (isTransaction && end.equals("abort")) producer.abortTransaction();
        return places;
    }

    static ProducerRecord<byte[], byte[]> producerRecord(JsonNode record) throws Exception {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : record.path("headers")) {
            headers.add(new RecordHeader(header.get("key").asText(), bytes(header.get("value"))));
        }
        return new ProducerRecord<>(
            record.get("topic").asText(),
            record.hasNonNull("partition") ? (Integer) record.get("partition").asInt() : null,
            record.hasNonNull("timestamp") ? (Long) record.get("timestamp").asLong() : null,
            bytes(record.get("key")),
            bytes(record.get("value")),
            headers);
    }

    static byte[] bytes(JsonNode base64) throws Exception {
        return base64 == null || base64.isNull() ? null : base64.binaryValue();
    }

    /** Gives a poller these partitions, from the committed offsets on; what it had is forgotten. */
    static String assign(JsonNode values) {
        Map<String, Object> properties = JSON.convertValue(values.get("properties"), new TypeReference<>() {});
        List<TopicPartition> partitions = new ArrayList<>();
        for (JsonNode partition : values.get("partitions")) {
            partitions.add(new TopicPartition(values.get("topic").asText(), partition.asInt()));
        }
        pollers.computeIfAbsent(values.get("poller").asText(), id -> new Poller(properties)).assign(partitions);
        return "null";
    }

    /** One consumer, and what it has read but not given out. */
    static class Poller {
        static final Duration WAIT = Duration.ofMillis(50);
        static final Duration LIMIT = Duration.ofSeconds(5);
        final KafkaConsumer<byte[], byte[]> consumer;
        final Deque<ConsumerRecord<byte[], byte[]>> read = new ArrayDeque<>();

        Poller(Map<String, Object> properties) {
            consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        }

        void assign(List<TopicPartition> partitions) {
            read.clear();
            // Without this, a partition that stays keeps its position.
            consumer.unsubscribe();
            consumer.assign(partitions);
        }

        /** Up to so many records, and so many bytes of JSON, as the lists of an event. */
        String poll(int maxRecords, int maxBytes) {
            while (read.size() < maxRecords) {
                int before = read.size();
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(WAIT)) read.add(record);
                if (read.size() == before) break;
            }
            Map<TopicPartition, StringBuilder> lists = new LinkedHashMap<>();
            Map<TopicPartition, Long> next = new LinkedHashMap<>();
            int count = 0;
            int bytes = 0;
            StringBuilder text = new StringBuilder();
            while (count < maxRecords && !read.isEmpty()) {
                ConsumerRecord<byte[], byte[]> record = read.peek();
                text.setLength(0);
                writeRecord(text, record);
                if (count > 0 && bytes + text.length() > maxBytes) break;
                TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                StringBuilder list = lists.computeIfAbsent(partition, key -> new StringBuilder());
                list.append(list.length() == 0 ? '[' : ',').append(text);
                next.put(partition, record.offset() + 1);
                bytes += text.length() + 1;
                count++;
                read.remove();
            }
            String records = lists.entrySet().stream()
                .map(list -> "\"" + list.getKey() + "\":" + list.getValue() + "]")
                .collect(Collectors.joining(","));
            String offsets = next.entrySet().stream()
                .map(one -> "[" + one.getKey().partition() + "," + one.getValue() + "]")
                .collect(Collectors.joining(","));
            return "{\"records\":{" + records + "},\"count\":" + count + ",\"offsets\":[" + offsets + "],\"isAtEnd\":"
                + (count == 0 && isAtEnd()) + "}";
        }

        boolean isAtEnd() {
            Set<TopicPartition> partitions = consumer.assignment();
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, LIMIT);
            return partitions.stream().allMatch(one -> consumer.position(one, LIMIT) >= ends.get(one));
        }

        String commit(JsonNode offsets) {
            Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
            Map<Integer, TopicPartition> partitions = new HashMap<>();
            for (TopicPartition partition : consumer.assignment()) partitions.put(partition.partition(), partition);
            for (JsonNode one : offsets) {
                TopicPartition partition = partitions.get(one.get(0).asInt());
                if (partition != null) next.put(partition, new OffsetAndMetadata(one.get(1).asLong()));
            }
            consumer.commitSync(next, LIMIT);
            return "null";
        }

        /** As in AWS's example of an event; keys and values that are null are left out. */
        static void writeRecord(StringBuilder out, ConsumerRecord<byte[], byte[]> record) {
            out.append("{\"topic\":\"").append(record.topic())
                .append("\",\"partition\":").append(record.partition())
                .append(",\"offset\":").append(record.offset())
                .append(",\"timestamp\":").append(record.timestamp())
                .append(",\"timestampType\":\"").append(timestampType(record));
            out.append('"');
            writeBytes(out, "key", record.key());
            writeBytes(out, "value", record.value());
            out.append(",\"headers\":[");
            String separator = "";
            for (Header header : record.headers()) {
                out.append(separator).append('{');
                writeText(out, header.key());
                out.append(':');
                writeNumbers(out, header.value());
                out.append('}');
                separator = ",";
            }
            out.append("]}");
        }

        static String timestampType(ConsumerRecord<byte[], byte[]> record) {
            return switch (record.timestampType()) {
                case CREATE_TIME -> "CREATE_TIME";
                case LOG_APPEND_TIME -> "LOG_APPEND_TIME";
                case NO_TIMESTAMP_TYPE -> "NO_TIMESTAMP_TYPE";
            };
        }

        static void writeBytes(StringBuilder out, String name, byte[] bytes) {
            if (bytes == null) return;
            out.append(",\"").append(name).append("\":\"").append(Base64.getEncoder().encodeToString(bytes)).append('"');
        }

        static void writeNumbers(StringBuilder out, byte[] bytes) {
            if (bytes == null) {
                out.append("null");
                return;
            }
            out.append('[');
            for (int index = 0; index < bytes.length; index++) {
                if (index > 0) out.append(',');
                out.append(bytes[index]);
            }
            out.append(']');
        }

        static void writeText(StringBuilder out, String text) {
            try {
                out.append(JSON.writeValueAsString(text));
            } catch (com.fasterxml.jackson.core.JsonProcessingException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    /**
     * Many records in short time: all kinds of compression, and transactions, two at a time in the same partitions, of
     * which one is aborted. Tells what was acknowledged and committed, by partition.
     */
    static class Traffic {
        static final String[] COMPRESSION = {"none", "gzip", "snappy", "lz4", "zstd"};
        /** Records between two waits for their acknowledgement. */
        static final int RUN = 5_000;
        final String topic;
        final int partitions;
        final int records;
        final String bootstrap;
        final Random random;
        final List<Map<String, Long>> committed = new ArrayList<>();
        long aborted = 0;
        /** Numbers all records, also those that are aborted. */
        long id = 0;

        Traffic(JsonNode values) {
            topic = values.get("topic").asText();
            partitions = values.get("partitions").asInt();
            records = values.get("records").asInt();
            bootstrap = values.get("bootstrap").asText();
            random = new Random(values.get("seed").asLong());
            for (int partition = 0; partition < partitions; partition++) committed.add(new LinkedHashMap<>());
        }

        Map<String, Object> run() throws Exception {
            int left = records;
            for (int run = 0; left > 0; run++) {
                int count = Math.min(left, RUN);
                int kind = run % (COMPRESSION.length + 1);
                if (kind < COMPRESSION.length) plain(count, COMPRESSION[kind]);
                else transactions(count, COMPRESSION[run / (COMPRESSION.length + 1) % COMPRESSION.length]);
                left -= count;
            }
            return Map.of("committed", committed, "aborted", aborted);
        }

        void plain(int count, String compression) throws Exception {
            KafkaProducer<byte[], byte[]> producer = producer(properties(compression, Optional.empty()));
            List<Sent> sent = new ArrayList<>(count);
            for (int index = 0; index < count; index++) sent.add(send(producer));
            producer.flush();
            for (Sent one : sent) tally(one);
        }

        void transactions(int count, String compression) throws Exception {
            KafkaProducer<byte[], byte[]> good = producer(properties(compression, Optional.of(topic + "-committed-" + compression)));
            KafkaProducer<byte[], byte[]> bad = producer(properties("none", Optional.of(topic + "-aborted")));
            good.beginTransaction();
            bad.beginTransaction();
            List<Sent> sent = new ArrayList<>(count);
            for (int index = 0; index < count; index++) {
                sent.add(send(good));
                if (random.nextInt(2) > 0) continue;
                send(bad);
                aborted++;
            }
            good.flush();
            // Otherwise what waits for its turn would be dropped, and never be in the log.
            bad.flush();
            bad.abortTransaction();
            good.commitTransaction();
            for (Sent one : sent) tally(one);
        }

        record Sent(ProducerRecord<byte[], byte[]> record, long id, Future<RecordMetadata> metadata) {}

        Sent send(KafkaProducer<byte[], byte[]> producer) {
            long number = id++;
            byte[] key = random.nextInt(10) == 0 ? null : ("key-" + number % 5_000).getBytes(StandardCharsets.UTF_8);
            byte[] value = random.nextInt(50) == 0 ? null : value(number);
            ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(topic, random.nextInt(partitions), key, value, headers(number));
            return new Sent(record, number, producer.send(record));
        }

        /** The number with 12 digits, and 40 to 120 letters. */
        byte[] value(long number) {
            StringBuilder text = new StringBuilder(String.format("%012d ", number));
            for (int length = 40 + random.nextInt(81); length > 0; length -= 6) {
                text.append(Integer.toString(100_000_000 + random.nextInt(900_000_000), 36));
            }
            return text.toString().getBytes(StandardCharsets.UTF_8);
        }

        List<Header> headers(long number) {
            List<Header> headers = new ArrayList<>();
            if (number % 4 == 0) headers.add(new RecordHeader("trace", new byte[] {(byte) number, -1, 0}));
            if (number % 8 == 0) headers.add(new RecordHeader("empty", null));
            if (number % 16 == 0) headers.add(new RecordHeader("trace", new byte[0]));
            return headers;
        }

        void tally(Sent sent) throws Exception {
            RecordMetadata metadata = sent.metadata().get();
            Map<String, Long> sums = committed.get(metadata.partition());
            long offset = metadata.offset();
            ProducerRecord<byte[], byte[]> record = sent.record();
            sums.merge("records", 1L, Long::sum);
            sums.merge("first", offset, Math::min);
            sums.merge("last", offset, Math::max);
            sums.merge("offsets", offset, Long::sum);
            sums.merge("keys", record.key() == null ? 0L : 1L, Long::sum);
            sums.merge("values", record.value() == null ? 0L : 1L, Long::sum);
            sums.merge("headers", (long) record.headers().toArray().length, Long::sum);
            sums.merge("checksum", record.value() == null ? 0L : offset * (sent.id() % 1_009), Long::sum);
        }

        Map<String, Object> properties(String compression, Optional<String> transactionalId) {
            Map<String, Object> properties = new LinkedHashMap<>();
            properties.put("bootstrap.servers", bootstrap);
            properties.put("compression.type", compression);
            properties.put("linger.ms", 5);
            properties.put("batch.size", 65_536);
            // A broker that is started again is missed for some seconds.
            properties.put("max.block.ms", 120_000);
            transactionalId.ifPresent(value -> properties.put("transactional.id", value));
            return properties;
        }
    }
}
