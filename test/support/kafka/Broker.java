import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Apache Kafka in one process: formats its folder where that is not done yet, and ends with its standard input.
 * Arguments: the properties, the folder of the data, and SCRAM credentials as `kafka-storage.sh format` takes them.
 */
public class Broker {
    public static void main(String[] arguments) throws Exception {
        String properties = arguments[0];
        endWithStandardInput();
        if (!Files.exists(Path.of(arguments[1], "meta.properties"))) {
            List<String> format = new ArrayList<>(List.of("format", "--config", properties));
            format.addAll(List.of("--cluster-id", org.apache.kafka.common.Uuid.randomUuid().toString()));
            for (int index = 2; index < arguments.length; index++) {
                format.addAll(List.of("--add-scram", arguments[index]));
            }
            int status = kafka.tools.StorageTool.execute(format.toArray(String[]::new), new PrintStream(System.err));
            if (status != 0) System.exit(status);
        }
        kafka.Kafka.main(new String[] {properties});
    }

    private static void endWithStandardInput() {
        Thread thread = new Thread(() -> {
            try {
                while (System.in.read() != -1) continue;
            } catch (java.io.IOException error) {
                // As good as its end.
            }
            Runtime.getRuntime().halt(1);
        });
        thread.setDaemon(true);
        thread.start();
    }
}
